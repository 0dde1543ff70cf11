/** Who may block. */

import { MainThreadError } from '../errors.js'

/** @throws {MainThreadError} on the main thread, whose event loop everything else needs */
export function mayBlock(name: string, isMainThread: boolean): void {
  if (!isMainThread) return
  throw new MainThreadError(
    `${name}: expected to be called in a worker thread, which may block, got the main thread`,
  )
}
