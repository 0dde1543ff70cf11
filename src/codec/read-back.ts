/**
 * What was read of a value that was packed in part, from what was written of it: to note each read while packing would be a
 * quarter of the time of a small object, and hardly any value is given up.
 */

import { OBJECT_HEADER, Tag } from './packed.js'
import { keysOf, unpackTogether } from './unpack.js'

/**
 * What `packed` tells of the reads, in their order: for each object its keys, for each array its length or all its numbers,
 * then the values; without the first, which is the value itself.
 *
 * @param packed - the packed value as far as it was written; each number, text or header in it is whole
 * @param objects - the objects that were seen, in their order
 */
export function readBack(packed: Buffer, objects: readonly unknown[]): unknown[] {
  const reads: unknown[] = []
  unpackTogether(packed, (unpackNext, place) => {
    let seen = 0
    for (let at = 0, end = 0; at < packed.length; at = end) {
      const tag = packed[at]
      let part: unknown
      let inside: unknown
      if (tag === Tag.Object) {
        end = at + OBJECT_HEADER + 4 * (packed[at + 1] as number)
        inside = keysOf(packed.subarray(at + OBJECT_HEADER, end))
      } else if (tag === Tag.Array) {
        end = at + 5
        inside = packed.readUInt32LE(at + 1)
      } else {
        part = unpackNext(at, packed.length)
        end = place()
        if (tag === Tag.Numbers) inside = Float64Array.from(part as number[])
      }
      if (inside !== undefined || (typeof part === 'object' && part !== null)) part = objects[seen++]
      if (at > 0) reads.push(part)
      if (inside !== undefined) reads.push(inside)
    }
  })
  return reads
}
