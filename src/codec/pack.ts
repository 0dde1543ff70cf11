/**
 * Packs plain values: the fast way for objects and arrays. It writes while it looks, and gives up at the first thing
 * that the layout can't hold as structured clone would: then `v8.serialize` writes the whole value.
 */

import { types } from 'node:util'
import { OBJECT_HEADER, SHORT_TEXT, SHORT_TEXT_UNITS, Tag } from './packed.js'
import { readBack } from './read-back.js'
import { replay } from './replay.js'
import { nextShape, rootShape, shapeOf, writerOf } from './shapes.js'
import { byteLengthOf, isUint8Array } from './views.js'
import { refuseWasmModule } from './wasm.js'

/** Bytes that grow at their end. */
export interface Sink {
  bytes: Buffer
  view: DataView
  length: number
}

/** What is in place of a value that was not packed. */
export interface Unpacked {
  /** What to serialize: the value, or a copy of it where reading it once more would not give the same. */
  readonly value: unknown
}

/** Deeper values are left to the serializer, which knows how much stack it has. */
const MAX_DEPTH = 64
/** A larger value gains nothing. */
const MAX_READS = 1 << 16
/** Up to so many objects are compared one by one; then a set is faster. */
const MAX_LISTED = 12
/** Longer strings are worth a native call. */
const MAX_LOOPED = 40
/** Places in a batch are 32 bits wide. */
const MAX_SINK = 2 ** 32 - 1
/** Arrays of so many numbers are written as doubles. */
const MIN_NUMBERS = 16
/** What the longest value without a length of its own takes. */
const ROOM = 16

const { getPrototypeOf, is, keys: keysOf, prototype: OBJECT } = Object
const { hasOwn } = Object
const { isArray } = Array
const { isProxy } = types
const dateTime = Date.prototype.getTime

// The state of the value under way, in variables because they are what compiled code reaches fastest.
let bytes: Buffer
let view: DataView
let at = 0
let room = 0
let busy = false
/** How many values are read, as far as objects and arrays were begun; all of an array's numbers count as one. */
let readCount = 0
/** What was read last where it may be that it can't be written, and where it would have begun. */
let unsure: unknown
let unsureAt = -1
/** The value itself. */
let top: unknown
/**
 * The objects that were seen: another look at one is a cycle, or a shared object, which the layout does not have. The value
 * itself is among them once there is another.
 */
const listed: unknown[] = new Array(MAX_LISTED).fill(undefined)
let listedCount = 0
let listedKept = 0
let others: Set<unknown> | undefined

/**
 * The accessor is part of what engines compile, where `Object.getPrototypeOf` calls their runtime. Node can be started without
 * it. What it says of objects with such a property of their own is not always right, but those are not packed: it is a key. Where
 * that has a getter, it is the one that runs twice: to look for it first is a tenth of the time of a small object.
 */
const prototypeOf: (value: object) => unknown = hasAccessor()
  ? // biome-ignore lint/suspicious/noProto: 40 ns an object
    (value) => (value as { __proto__: unknown }).__proto__
  : getPrototypeOf

function hasAccessor(): boolean {
  try {
    // biome-ignore lint/suspicious/noProto: to see whether it is there
    return ({} as { __proto__?: unknown }).__proto__ === OBJECT
  } catch {
    return false
  }
}

/** That a value can't be packed. */
const GIVE_UP = Symbol('give up')

/**
 * Appends `value`, an object or a bigint, to `sink`; or says what to serialize instead, and leaves `sink` as it was.
 *
 * @throws what the value's own getters throw, and for a WebAssembly.Module
 */
export function pack(value: unknown, sink: Sink): Unpacked | undefined {
  // Busy: from a getter of a value that is being packed.
  if (busy || isPolluted()) return { value }
  busy = true
  readCount = 0
  listedCount = 0
  unsureAt = -1
  ;({ bytes, view, length: at } = sink)
  room = bytes.length
  const begin = at
  try {
    if (typeof value !== 'object' || value === null) writeValue(value, 0)
    else {
      top = value
      if (isProxy(value) || !writeSeen(value, 0)) return { value }
    }
    sink.length = at
    return undefined
  } catch (error) {
    if (error !== GIVE_UP) throw error
    return { value: replay(value, readsSince(begin)) }
  } finally {
    if (sink.bytes !== bytes) {
      sink.bytes = bytes
      sink.view = view
    }
    if (listedCount > listedKept) listedKept = listedCount
    busy = false
    if (others) forgetPacked()
  }
}

/** Lets go of what was packed. After each object it would be a fifth of the time. */
export function forgetPacked(): void {
  if (busy) return
  unsure = undefined
  top = undefined
  for (let index = 0; index < listedKept; index++) listed[index] = undefined
  listedKept = 0
  others = undefined
}

/** Whether `for in` would show more than own keys of a plain object. */
function isPolluted(): boolean {
  for (const _ in OBJECT) return true
  return false
}

function writeValue(value: unknown, depth: number): void {
  if (at + ROOM > room) growFor(value, ROOM)
  switch (typeof value) {
    case 'string':
      writeText(value)
      break
    case 'number':
      writeNumber(value)
      break
    case 'boolean':
      bytes[at++] = value ? Tag.True : Tag.False
      break
    case 'undefined':
      bytes[at++] = Tag.Undefined
      break
    case 'object':
      if (value === null) bytes[at++] = Tag.Null
      else {
        noteUnsure(value)
        if (!writeObject(value, depth)) throw GIVE_UP
      }
      break
    case 'bigint':
      noteUnsure(value)
      if (BigInt.asIntN(64, value) !== value) throw GIVE_UP
      bytes[at] = Tag.BigInteger
      view.setBigInt64(at + 1, value, true)
      at += 9
      break
    default:
      noteUnsure(value)
      throw GIVE_UP
  }
}

function noteUnsure(value: unknown): void {
  unsure = value
  unsureAt = at
}

function writeNumber(value: number): void {
  const integer = value | 0
  if (integer === value && (integer !== 0 || is(value, 0))) {
    if (integer >= 0 && integer < SHORT_TEXT) {
      bytes[at++] = integer
    } else {
      bytes[at] = Tag.Integer
      view.setInt32(at + 1, integer, true)
      at += 5
    }
  } else {
    bytes[at] = Tag.Number
    view.setFloat64(at + 1, value, true)
    at += 9
  }
}

function writeText(value: string): void {
  const { length } = value
  if (length > MAX_LOOPED) {
    writeLongText(value)
    return
  }
  if (at + 1 + length > room) growFor(value, 1 + length)
  const target = bytes
  const begin = at + 1
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index)
    if (unit > 0xff) {
      writeText16(value)
      return
    }
    target[begin + index] = unit
  }
  target[begin - 1] = SHORT_TEXT + length
  at = begin + length
}

function writeLongText(value: string): void {
  const { length } = value
  if (Buffer.byteLength(value) !== length) {
    writeText16(value)
    return
  }
  if (at + 5 + length > room) growFor(value, 5 + length)
  if (length < SHORT_TEXT_UNITS) {
    bytes[at++] = SHORT_TEXT + length
  } else {
    bytes[at] = Tag.Text
    view.setUint32(at + 1, length, true)
    at += 5
  }
  bytes.write(value, at, 'latin1')
  at += length
}

function writeText16(value: string): void {
  const { length } = value
  if (at + 5 + 2 * length > room) growFor(value, 5 + 2 * length)
  bytes[at] = Tag.Text16
  view.setUint32(at + 1, length, true)
  bytes.write(value, at + 5, 'utf16le')
  at += 5 + 2 * length
}

/** False where nothing was read of what can't be packed. */
function writeObject(value: object, depth: number): boolean {
  if (isProxy(value) || depth > MAX_DEPTH) return false
  see(value)
  return writeSeen(value, depth)
}

/** The same of an object that is no proxy, and is not looked for among those seen. */
function writeSeen(value: object, depth: number): boolean {
  if (at + ROOM > room) grow(ROOM)
  const prototype = prototypeOf(value)
  if (isArray(value)) writeArray(value, depth)
  else if (prototype === OBJECT) writeRecord(value, depth)
  else if (prototype === Date.prototype) writeDate(value)
  else if (isUint8Array(value)) writeBytes(value)
  else {
    refuseWasmModule(value)
    return false
  }
  return true
}

function see(value: object): void {
  if (listedCount === 0) listed[listedCount++] = top
  for (let index = 0; index < listedCount; index++) if (listed[index] === value) throw GIVE_UP
  if (listedCount < MAX_LISTED) {
    listed[listedCount++] = value
    return
  }
  others ??= new Set()
  if (others.has(value)) throw GIVE_UP
  others.add(value)
}

function writeRecord(value: object, depth: number): void {
  let node = rootShape()
  for (const key in value) {
    const next = node.key === key ? node.next : nextShape(node, key)
    if (!next) throw GIVE_UP
    node = next
  }
  const shape = node.shape ?? shapeOf(node)
  // Without keys it may be anything whose prototype was changed (with keys as well, but to know would cost more than
  // all the rest); `arguments` has indices.
  if (!shape || shape.keys.length === 0 || shape.indexed) throw GIVE_UP
  const { keys, words, hash } = shape
  writeShape(words, hash)
  countReads(keys.length)
  const writer = writerOf(shape)
  if (writer) writer(value, writeNumberPart, writePart, depth + 1)
  else for (const key of keys) writePart((value as Record<string, unknown>)[key], value, key, depth + 1)
}

function writeNumberPart(part: number): void {
  if (at + ROOM > room) growFor(part, ROOM)
  writeNumber(part)
}

function writePart(part: unknown, object: object, key: string, depth: number): void {
  // Another's getter may have taken it away: then it has no place in a clone. What is in its prototype looks like this.
  if ((part === undefined || typeof part === 'function') && !hasOwn(object, key)) throw GIVE_UP
  writeValue(part, depth)
}

function writeShape(words: Uint32Array, hash: number): void {
  const { length } = words
  if (at + OBJECT_HEADER + 4 * length > room) grow(OBJECT_HEADER + 4 * length)
  const target = view
  let place = at
  target.setUint32(place, Tag.Object | (length << 8) | (hash << 16), true)
  place += OBJECT_HEADER
  for (let index = 0; index < length; index++, place += 4)
    target.setUint32(place, words[index] as number, true)
  at = place
}

function writeArray(value: unknown[], depth: number): void {
  const { length } = value
  // Of an array without holes and other properties there are as many keys as elements.
  if (readCount + length > MAX_READS || keysOf(value).length !== length) throw GIVE_UP
  let index = 0
  if (length >= MIN_NUMBERS) {
    const numbers = new Float64Array(length)
    let part: unknown
    for (; index < length; index++) {
      part = value[index]
      if (typeof part !== 'number') break
      numbers[index] = part
    }
    if (index === length) {
      writeNumbers(numbers)
      return
    }
    beginArray(length)
    for (let before = 0; before < index; before++) writeElement(value, before, numbers[before], depth)
    writeElement(value, index++, part, depth)
  } else {
    beginArray(length)
  }
  for (; index < length; index++) writeElement(value, index, value[index], depth)
}

function beginArray(length: number): void {
  bytes[at] = Tag.Array
  view.setUint32(at + 1, length, true)
  at += 5
  countReads(length)
}

function writeElement(array: unknown[], index: number, part: unknown, depth: number): void {
  if (part === undefined && !hasOwn(array, index)) throw GIVE_UP
  writeValue(part, depth + 1)
}

function writeNumbers(numbers: Float64Array): void {
  const { length } = numbers
  if (at + 5 + 8 * length > room) grow(5 + 8 * length)
  bytes[at] = Tag.Numbers
  view.setUint32(at + 1, length, true)
  at += 5
  for (let index = 0; index < length; index++, at += 8) view.setFloat64(at, numbers[index] as number, true)
  countReads(1)
}

function countReads(more: number): void {
  readCount += more
  if (readCount > MAX_READS) throw GIVE_UP
}

/** All that was read since `begin`, as `replay` wants it. */
function readsSince(begin: number): unknown[] {
  const objects = [...listed.slice(0, listedCount), ...(others ?? [])]
  const reads = readBack(bytes.subarray(begin, at), objects)
  if (unsureAt === at) reads.push(unsure)
  return reads
}

function writeDate(value: object): void {
  let time: number
  try {
    time = dateTime.call(value as Date)
  } catch {
    throw GIVE_UP
  }
  bytes[at] = Tag.Date
  view.setFloat64(at + 1, time, true)
  at += 9
}

function writeBytes(value: Uint8Array): void {
  const length = byteLengthOf(value)
  // An empty one may be detached, which the serializer knows.
  if (length === 0) throw GIVE_UP
  if (at + 5 + length > room) grow(5 + length)
  bytes[at] = Tag.Bytes
  view.setUint32(at + 1, length, true)
  bytes.set(value, at + 5)
  at += 5 + length
}

/** Makes room to write `value`, which is read already. */
function growFor(value: unknown, more: number): void {
  noteUnsure(value)
  grow(more)
}

function grow(more: number): void {
  if (at + more > MAX_SINK) throw GIVE_UP
  const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(at + more, 2 * room), MAX_SINK))
  grown.set(bytes.subarray(0, at))
  bytes = grown
  view = viewOf(grown)
  room = grown.length
}

/** A view to write numbers into `bytes` with. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
