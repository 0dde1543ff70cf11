/** Bytes that are large: each is copied once, into native memory, and arrives in that. */

import { checkLength } from './encode.js'
import { byteLengthOf, isUint8Array } from './views.js'

/** From how many bytes on, as the mean of a batch. native/core/src/items/large.rs has the same; a test compares the two. */
export const LARGE_BYTES = 16 * 1024

/**
 * `items`, where all of them are bytes, and on average large.
 *
 * @throws {InvalidOptionError} for one of more than 1 GiB
 */
export function largeOf(items: readonly unknown[]): Uint8Array[] | undefined {
  const large: Uint8Array[] = []
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (!isUint8Array(item)) return undefined
    const length = byteLengthOf(item)
    // A small one first is enough to tell other bytes at once.
    if (index === 0 && length < LARGE_BYTES) return undefined
    checkLength(length, 'items', index)
    large.push(item)
  }
  let total = 0
  for (const item of large) {
    const length = byteLengthOf(item)
    // What has none may be detached, even by a getter of a later one.
    if (length === 0) return undefined
    total += length
  }
  return total >= LARGE_BYTES * large.length && large.length > 0 ? large : undefined
}
