/** What a send does that finds no room. */

import { FullError, InvalidOptionError } from './errors.js'
import { checkChoice } from './validate.js'

/**
 * What a send does that finds no room:
 *
 * - `wait` for room.
 * - `reject` at once, with `FullError`.
 * - `drop-newest`: the item of the send is dropped, and the send resolves.
 * - `drop-oldest`: the oldest item that nobody has taken is dropped, and makes room; with priorities, the oldest of the
 *   lowest one, and none of a higher one than the new item's. One that was leased and came back, or
 *   that a receiver is just taking, can't; where there is no other, the item of the send itself is dropped.
 *
 * Results that a native handler sends into the channel wait for room all the same.
 */
export type Overflow = 'wait' | 'reject' | 'drop-newest' | 'drop-oldest'

/** Told an item that was dropped. */
export type OnDrop<T> = (item: T) => void

/** By the number that the native side knows it by: native/binding/src/spec.rs has the same order. */
export const OVERFLOWS: readonly Overflow[] = ['wait', 'reject', 'drop-newest', 'drop-oldest']

/** @throws {InvalidOptionError} */
export function checkOverflow(overflow: Overflow | undefined): Overflow {
  return overflow === undefined ? 'wait' : checkChoice('overflow', overflow, OVERFLOWS)
}

/** @throws {InvalidOptionError} for what is no function */
export function checkOnDrop<F>(onDrop: F): F {
  if (onDrop === undefined || typeof onDrop === 'function') return onDrop
  throw new InvalidOptionError('onDrop', 'a function', onDrop)
}

/** The error of a send into a channel that rejects. */
export function rejectedError(name: string): FullError {
  return new FullError(`${name}: expected room in the channel, got a full one that rejects`)
}
