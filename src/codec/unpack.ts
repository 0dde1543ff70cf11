/** Packed items back to values. Reading runs nobody's code and sets no property by assignment. */

import { EMPTY_KEY, OBJECT_HEADER, SHORT_TEXT, SHORT_TEXT_UNITS, Tag } from './packed.js'

/** Makes an object of the values that come next. */
type Reader = () => object

/** A shape that was read before, under its hash. */
interface KnownShape {
  readonly words: Uint32Array
  readonly keys: readonly string[]
  uses: number
  reader: Reader | undefined
}

/** Above this a slice of a common string would keep too much of it alive. */
export const SHARED_TEXT_MAX = 16 * 1024
/** Making a reader costs as much as reading hundreds of objects without one. */
const USES_BEFORE_READER = 64
/** Larger memory is let go of once its items are read. */
const KEPT_MEMORY = 128 * 1024
/** Shapes that are kept, each at its hash; a newer one takes the place. */
const KNOWN_SHAPES = 1024

const known: (KnownShape | undefined)[] = new Array(KNOWN_SHAPES).fill(undefined)

// The state of the item under way, in variables because they are what compiled code reaches fastest.
const NOTHING = Buffer.allocUnsafeSlow(0)
/** All of the memory that the items lie in, and a view of the same. */
let memory: Buffer = NOTHING
let view: DataView = new DataView(NOTHING.buffer)
/** Where the items' own bytes begin and end in it. */
let offset = 0
let limit = 0
let at = 0
/** Latin-1 strings are slices of `text`, which stands for `memory[textBegin..textEnd]` once it is made. */
let text: string | undefined
let textBegin = 0
let textEnd = 0

/** The value that `bytes[begin..end]` hold, in memory of its own. */
export function unpack(bytes: Uint8Array, begin: number, end: number): unknown {
  enter(bytes)
  try {
    return readItem(begin, end, end)
  } finally {
    leave()
  }
}

/**
 * Calls `each` with a function that unpacks items of `bytes` one after the other: it makes one string for those that
 * lie close together, which is most of the time of reading one. `place` tells where the last one ended.
 */
export function unpackTogether(
  bytes: Uint8Array,
  each: (unpackNext: (begin: number, end: number) => unknown, place: () => number) => void,
): void {
  enter(bytes)
  try {
    each(readNext, () => at - offset)
  } finally {
    leave()
  }
}

function readNext(begin: number, end: number): unknown {
  return readItem(begin, end, limit - offset)
}

function enter(bytes: Uint8Array): void {
  if (memory.buffer !== bytes.buffer) {
    memory = Buffer.from(bytes.buffer)
    view = new DataView(bytes.buffer)
  }
  offset = bytes.byteOffset
  limit = offset + bytes.byteLength
}

function leave(): void {
  // The memory may be written again before the next item; and what is large is not to be kept.
  text = undefined
  textEnd = 0
  if (memory.length > KEPT_MEMORY) {
    memory = NOTHING
    view = new DataView(NOTHING.buffer)
  }
}

/** Later items up to `last` may share this one's text. */
function readItem(begin: number, end: number, last: number): unknown {
  at = offset + begin
  if (offset + end > textEnd) {
    text = undefined
    textBegin = at
    textEnd = end - begin > SHARED_TEXT_MAX ? 0 : Math.min(offset + last, at + SHARED_TEXT_MAX)
  }
  return readValue()
}

function readValue(): unknown {
  const tag = memory[at++] as number
  if (tag < SHORT_TEXT) return tag
  if (tag < SHORT_TEXT + SHORT_TEXT_UNITS) return readText(tag - SHORT_TEXT)
  switch (tag) {
    case Tag.Object:
      return readObject()
    case Tag.Integer:
      at += 4
      return view.getInt32(at - 4, true)
    case Tag.Number:
      at += 8
      return view.getFloat64(at - 8, true)
    case Tag.False:
      return false
    case Tag.True:
      return true
    case Tag.Null:
      return null
    case Tag.Undefined:
      return undefined
    case Tag.Text:
      return readText(readLength())
    case Tag.Array:
      return readArray(readLength())
    case Tag.Numbers:
      return readNumbers(readLength())
    case Tag.Date:
      at += 8
      return new Date(view.getFloat64(at - 8, true))
    case Tag.Text16:
      return readText16(2 * readLength())
    case Tag.Bytes:
      return readBytes(readLength())
    case Tag.BigInteger:
      at += 8
      return view.getBigInt64(at - 8, true)
    default:
      throw new RangeError(`expected the tag of a packed value, got ${tag}`)
  }
}

function readLength(): number {
  at += 4
  return view.getUint32(at - 4, true)
}

function readText(length: number): string {
  const begin = at
  at += length
  if (at > textEnd) return memory.toString('latin1', begin, at)
  text ??= memory.toString('latin1', textBegin, textEnd)
  return text.substring(begin - textBegin, at - textBegin)
}

function readText16(length: number): string {
  at += length
  return memory.toString('utf16le', at - length, at)
}

function readBytes(length: number): Uint8Array {
  at += length
  return new Uint8Array(memory.buffer.slice(at - length, at))
}

function readArray(length: number): unknown[] {
  const values: unknown[] = new Array(length)
  for (let index = 0; index < length; index++) values[index] = readValue()
  return values
}

function readNumbers(length: number): number[] {
  const values: number[] = new Array(length)
  for (let index = 0; index < length; index++, at += 8) values[index] = view.getFloat64(at, true)
  return values
}

function readObject(): object {
  const words = memory[at] as number
  const hash = view.getUint16(at + 1, true)
  at += OBJECT_HEADER - 1
  const place = hash & (KNOWN_SHAPES - 1)
  let shape = known[place]
  if (!shape || !isNext(shape.words, words)) {
    shape = readShape(words)
    known[place] = shape
  }
  at += 4 * words
  return shape.reader ? shape.reader() : readByKeys(shape)
}

function isNext(words: Uint32Array, count: number): boolean {
  if (words.length !== count) return false
  for (let index = 0, place = at; index < count; index++, place += 4)
    if (view.getUint32(place, true) !== words[index]) return false
  return true
}

function readShape(count: number): KnownShape {
  const words = new Uint32Array(count)
  for (let index = 0; index < count; index++) words[index] = view.getUint32(at + 4 * index, true)
  return { words, keys: keysOf(memory.subarray(at, at + 4 * count)), uses: 0, reader: undefined }
}

/** The keys of an object whose shape is `words`. */
export function keysOf(words: Buffer): string[] {
  const keys: string[] = []
  for (let place = 0; place < words.length && words[place] !== 0; ) {
    const length = words[place] === EMPTY_KEY ? 0 : (words[place] as number)
    place += 1 + length
    keys.push(words.toString('latin1', place - length, place))
  }
  return keys
}

function readByKeys(shape: KnownShape): object {
  if (++shape.uses === USES_BEFORE_READER) shape.reader = createReader(shape.keys)
  const object = {}
  // Not by assignment: the key may have a setter in Object.prototype.
  for (const key of shape.keys)
    Object.defineProperty(object, key, {
      value: readValue(),
      writable: true,
      enumerable: true,
      configurable: true,
    })
  return object
}

/** Code for one shape is twice as fast as keys in a loop; undefined where no code may be made from strings. */
function createReader(keys: readonly string[]): Reader | undefined {
  // In brackets no key has a meaning of its own; `__proto__` would have one otherwise.
  const properties = keys.map((key) => `[${JSON.stringify(key)}]: read()`)
  try {
    return new Function('read', `return () => ({ ${properties.join(', ')} })`)(readValue)
  } catch {
    return undefined
  }
}
