/** How deep a value may be that V8 serializes. */

import { types } from 'node:util'
import { entriesOf, membersOf } from './collections.js'

/**
 * The most levels of objects in one another. V8 of Node 20 writes some 3,000 of plain objects with the stack of a main thread, and
 * reads some 1,900.
 */
const MOST_LEVELS = 1000
/** The fewest bytes that V8 writes for a level. */
const LEVEL_BYTES = 3
/** 1 for each byte with which V8 begins an object, a dense or a sparse array, a map, a set or an error. */
const BEGINS = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number("oAa;'r".includes(String.fromCharCode(byte))),
)

/** Whether `bytes`, which V8 wrote, may be of a value that is too deep: there are as many beginnings of a level in them. */
export function mayNestTooDeep(bytes: Uint8Array): boolean {
  if (bytes.length < LEVEL_BYTES * MOST_LEVELS) return false
  let beginnings = 0
  for (let at = 0; at < bytes.length; at++) beginnings += BEGINS[bytes[at] as number] as number
  return beginnings > MOST_LEVELS
}

/**
 * @param value - what V8 read: nothing in it runs code
 * @throws {RangeError} for one that is too deep
 */
export function checkDepth(value: unknown): void {
  const seen = new Set<object>()
  // As V8 goes: depth first, and into each object once. Without recursion, for the reason that it is here at all.
  const open = [[value].values()]
  for (let parts = open[0]; parts !== undefined; parts = open.at(-1)) {
    const { done, value: part } = parts.next()
    if (done) open.pop()
    else if (typeof part === 'object' && part !== null && !seen.has(part)) {
      seen.add(part)
      if (open.length > MOST_LEVELS) throw new RangeError(`expected at most ${MOST_LEVELS} levels, got more`)
      open.push(partsOf(part))
    }
  }
}

function partsOf(value: object): ArrayIterator<unknown> {
  if (types.isMap(value)) return entriesOf(value).flat().values()
  if (types.isSet(value)) return membersOf(value).values()
  if (types.isNativeError(value)) return [value.cause].values()
  return (ArrayBuffer.isView(value) ? [] : Object.values(value)).values()
}
