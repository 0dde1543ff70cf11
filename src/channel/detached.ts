/** Calls on a handle that was disposed of. */

import { DetachedError } from '../errors.js'

export function detachedError(name: string): DetachedError {
  return new DetachedError(`${name}: expected a handle that is attached, got one that was disposed of`)
}

/**
 * To be called once code of the caller's has run, in a getter of an item or of options: it may have disposed of the last handle.
 *
 * @throws {DetachedError}
 */
export function checkAttached(channel: { readonly ended: boolean }, name: string): void {
  if (channel.ended) throw detachedError(name)
}
