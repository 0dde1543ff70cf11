/**
 * What was read of a value that was packed in part, from what was written of it: to note each read while packing would be a
 * quarter of the time of a small object, and hardly any value is given up.
 */

import { OBJECT_HEADER, SHORT_TEXT, SHORT_TEXT_UNITS, Tag } from './packed.js'
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
  unpackTogether(packed, (unpackNext) => {
    let seen = 0
    for (let at = 0; at < packed.length; ) {
      const tag = packed[at] as number
      const isObject = OBJECTS.has(tag)
      const end = at + (isObject ? headerLength(packed, at) : scalarLength(packed, at))
      if (!isObject) reads.push(unpackNext(at, end))
      else if (at === 0) seen++
      else reads.push(objects[seen++])
      if (tag === Tag.Object) reads.push(keysOf(packed.subarray(at + OBJECT_HEADER, end)))
      else if (tag === Tag.Array) reads.push(packed.readUInt32LE(at + 1))
      else if (tag === Tag.Numbers) reads.push(Float64Array.from(unpackNext(at, end) as number[]))
      at = end
    }
  })
  return reads
}

const OBJECTS = new Set<number>([Tag.Object, Tag.Array, Tag.Numbers, Tag.Date, Tag.Bytes])

/** How long an object is without the values that follow. */
function headerLength(packed: Buffer, at: number): number {
  switch (packed[at]) {
    case Tag.Object:
      return OBJECT_HEADER + 4 * (packed[at + 1] as number)
    case Tag.Array:
      return 5
    case Tag.Numbers:
      return 5 + 8 * packed.readUInt32LE(at + 1)
    case Tag.Date:
      return 9
    default:
      return 5 + packed.readUInt32LE(at + 1)
  }
}

function scalarLength(packed: Buffer, at: number): number {
  const tag = packed[at] as number
  if (tag < SHORT_TEXT) return 1
  if (tag < SHORT_TEXT + SHORT_TEXT_UNITS) return 1 + tag - SHORT_TEXT
  switch (tag) {
    case Tag.Integer:
      return 5
    case Tag.Number:
    case Tag.BigInteger:
      return 9
    case Tag.Text:
      return 5 + packed.readUInt32LE(at + 1)
    case Tag.Text16:
      return 5 + 2 * packed.readUInt32LE(at + 1)
    default:
      return 1
  }
}
