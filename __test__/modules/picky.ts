/** A handler that always fails, and says itself which errors are worth another attempt. */

import { UnrecoverableError } from '../../src/index.js'

export function picky(item: string): void {
  if (item === 'unrecoverable') throw new UnrecoverableError(item)
  throw new Error(item)
}

export function retryIf(error: unknown): boolean {
  return (error as Error).message !== 'once'
}
