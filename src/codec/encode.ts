/** JavaScript values to what travels natively: the value at the moment of the call. */

import { InvalidOptionError } from '../errors.js'
import { Kind } from './kind.js'
import { forgetPacked, pack, type Sink, type Unpacked, viewOf } from './pack.js'
import { serializeValue } from './serialize.js'
import { explainUncloneable } from './uncloneable.js'
import { byteLengthOf, isPlainlyEmpty, isUint8Array } from './views.js'

/** One item: the first `length` of `bytes` are its own, until the next value is encoded. */
export interface EncodedItem {
  kind: Kind
  bytes: Uint8Array
  length: number
}

/** Several items in columns: one after the other in the first `length` of `bytes`, item `i` ending at `ends[i]`. */
export interface EncodedBlobs {
  /** A kind for each item, or one for all. */
  kinds: Uint8Array
  ends: Uint32Array
  bytes: Uint8Array
  length: number
}

/** Items that are all numbers travel as such. */
export type EncodedItems = Float64Array | EncodedBlobs

/** The largest item, in bytes. */
const MAX_ITEM_BYTES = 2 ** 30
/** What one native call takes, in bytes: places are 32 bits wide. */
const MAX_BYTES = 2 ** 32 - 1

/** Memory that grew larger than this is let go of. */
const KEPT_BYTES = 1024 * 1024
const KEPT_ITEMS = 64 * 1024

const EMPTY = new Uint8Array(0)
/** The most units of text that are written into `SCRATCH`. */
const SCRATCH_UNITS = 64 * 1024
const SCRATCH = Buffer.allocUnsafeSlow(2 * SCRATCH_UNITS)
/** What is not Latin-1. Nothing is looked for in strings that V8 has in Latin-1. */
const WIDE = /[\u0100-\uffff]/
const ONE_KIND = Object.values(Kind).map((kind) => Uint8Array.of(kind))

/**
 * Encodes one item.
 *
 * @param path - what to call the item in an error
 * @throws {UncloneableError} for what can't travel
 * @throws {InvalidOptionError} for one of more than 1 GiB
 */
export function encodeItem(value: unknown, path: string): EncodedItem {
  const item = encode(value, path)
  checkLength(item.length, path)
  return item
}

function encode(value: unknown, path: string): EncodedItem {
  switch (typeof value) {
    case 'string':
      return encodeText(value)
    case 'number':
      SCRATCH.writeDoubleLE(value)
      return { kind: Kind.Number, bytes: SCRATCH, length: 8 }
    case 'undefined':
      return { kind: Kind.Undefined, bytes: EMPTY, length: 0 }
    case 'boolean':
      return { kind: value ? Kind.True : Kind.False, bytes: EMPTY, length: 0 }
    case 'object':
      if (value === null) return { kind: Kind.Null, bytes: EMPTY, length: 0 }
      if (ArrayBuffer.isView(value)) return encodeView(value, path)
      return encodeObject(value, path)
    case 'bigint':
      return encodeObject(value, path)
    default:
      return encodeOther(value, path)
  }
}

/** @throws {InvalidOptionError} for an item of more than 1 GiB */
export function checkLength(length: number, path: string, index = -1): void {
  if (length > MAX_ITEM_BYTES)
    throw new InvalidOptionError(
      pathOf(path, index),
      `at most ${MAX_ITEM_BYTES} bytes once it is encoded`,
      length,
    )
}

/**
 * Encodes all of `items`; the bytes are valid until the next call.
 *
 * @param mayBeSnapshots - whether to look for snapshots among them
 * @throws {UncloneableError} for what can't travel, naming its place
 * @throws {InvalidOptionError} for more bytes than one call can take
 */
export function encodeItems(items: readonly unknown[], mayBeSnapshots = false): EncodedItems {
  const fast = encodeAlike(items)
  if (fast) return fast
  const writer = sharedWriter ?? new BlobWriter()
  // A getter among the items may send others.
  sharedWriter = undefined
  try {
    writer.reset()
    for (let index = 0; index < items.length; index++) {
      const item = items[index]
      if (mayBeSnapshots && Snapshot.is(item)) writer.push(item.encoded)
      else writer.append(item, 'items', index)
    }
    return writer.finish()
  } finally {
    forgetPacked()
    sharedWriter = writer
  }
}

/** Whether the columns that are used again are being filled: an accessor among the items may send others meanwhile. */
let isFilling = false

/** Items that are all numbers, or all texts that are not too long. */
function encodeAlike(items: readonly unknown[]): EncodedItems | undefined {
  if (isFilling) return undefined
  isFilling = true
  try {
    const first = items[0]
    if (typeof first === 'number') return encodeNumbers(items)
    return typeof first === 'string' ? encodeTexts(items) : undefined
  } finally {
    isFilling = false
  }
}

/** A value that was encoded when it was seen, because it may change before it is sent. */
export class Snapshot {
  readonly #encoded: EncodedItem

  private constructor(encoded: EncodedItem) {
    this.#encoded = encoded
  }

  get encoded(): EncodedItem {
    return this.#encoded
  }

  /** Whether `value` is one. Unlike `instanceof` it runs no code of the value's, which may be any. */
  static is(value: unknown): value is Snapshot {
    return typeof value === 'object' && value !== null && #encoded in value
  }

  /**
   * `value` itself where it can't change, else its snapshot.
   *
   * @throws {UncloneableError} for what can't travel
   */
  static of(value: unknown, path: string): unknown {
    if (value === null || !['object', 'function', 'symbol'].includes(typeof value)) return value
    return new Snapshot(own(encodeItem(value, path)))
  }
}

function encodeText(value: string): EncodedItem {
  const { length } = value
  if (length > SCRATCH_UNITS) return encodeLongText(value)
  // As many bytes of UTF-8 as units: it is ASCII. To look for what is not Latin-1 takes longer in a short text.
  if (SCRATCH.write(value) === length) return { kind: Kind.Latin1, bytes: SCRATCH, length }
  const kind = writeText(value)
  return { kind, bytes: SCRATCH, length: kind === Kind.Text16 ? 2 * length : length }
}

/** Writes up to `SCRATCH_UNITS` into `SCRATCH`, mostly a copy of what V8 has, and says what they are there. */
function writeText(text: string): Kind {
  const wide = WIDE.test(text)
  SCRATCH.write(text, wide ? 'utf16le' : 'latin1')
  return wide ? Kind.Text16 : Kind.Latin1
}

function encodeLongText(value: string): EncodedItem {
  const wide = WIDE.test(value)
  const bytes = Buffer.from(value, wide ? 'utf16le' : 'latin1')
  return { kind: wide ? Kind.Text16 : Kind.Latin1, bytes, length: bytes.length }
}

function encodeView(value: ArrayBufferView, path: string): EncodedItem {
  if (isUint8Array(value)) {
    const length = byteLengthOf(value)
    if (length > 0) return { kind: Kind.Bytes, bytes: value, length }
    // It may be detached, which the serializer knows, and takes microseconds for.
    if (!isPlainlyEmpty(value)) serializeValue(value, path)
    return { kind: Kind.Bytes, bytes: EMPTY, length: 0 }
  }
  return encodeOther(value, path)
}

function encodeObject(value: unknown, path: string): EncodedItem {
  packed.length = 0
  const rest = tryPack(value, packed, path)
  forgetPacked()
  if (rest) return encodeOther(rest.value, path, value)
  const { bytes, length } = packed
  // What is large is not to be kept.
  if (length > KEPT_BYTES) packed = createSink(1024)
  return { kind: Kind.Packed, bytes, length }
}

function tryPack(value: unknown, sink: Sink, path: string, index = -1): Unpacked | undefined {
  try {
    return pack(value, sink)
  } catch (error) {
    forgetPacked()
    throw explainUncloneable(value, pathOf(path, index), error)
  }
}

function encodeOther(value: unknown, path: string, original = value): EncodedItem {
  const bytes = serializeValue(value, path, original)
  return { kind: Kind.Value, bytes, length: bytes.length }
}

function createSink(size: number): Sink {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, view: viewOf(bytes), length: 0 }
}

function encodeNumbers(items: readonly unknown[]): Float64Array | undefined {
  // How many there are is looked at once: a getter among them may change that, or they may be a proxy.
  const { length } = items
  const numbers = numbersFor(length)
  for (let index = 0; index < length; index++) {
    const item = items[index]
    if (typeof item !== 'number') return undefined
    numbers[index] = item
  }
  return numbers
}

/** The most items whose columns are used again: to make a typed array costs as much as to fill it with a hundred. */
const REUSED = 1024
const endsByCount: Uint32Array[] = []
const numbersByCount: Float64Array[] = []
let reusedEnds: Uint32Array | undefined
let reusedNumbers: Float64Array | undefined

/** A column that the next call uses again. */
function endsFor(count: number): Uint32Array {
  if (count > REUSED) return new Uint32Array(count)
  reusedEnds ??= new Uint32Array(REUSED)
  endsByCount[count] ??= reusedEnds.subarray(0, count)
  return endsByCount[count]
}

/** The same for numbers. */
function numbersFor(count: number): Float64Array {
  if (count > REUSED) return new Float64Array(count)
  reusedNumbers ??= new Float64Array(REUSED)
  numbersByCount[count] ??= reusedNumbers.subarray(0, count)
  return numbersByCount[count]
}

/** Strings that are not too long for it are written in one go: a third of the time. */
function encodeTexts(items: readonly unknown[]): EncodedBlobs | undefined {
  const { length } = items
  const ends = endsFor(length)
  let end = 0
  // Faster than `join`: engines put such a string together only when it is written.
  let text = ''
  for (let index = 0; index < length; index++) {
    const item = items[index]
    if (typeof item !== 'string') return undefined
    end += item.length
    if (end > SCRATCH_UNITS) return undefined
    ends[index] = end
    text += item
  }
  const kind = writeText(text)
  if (kind === Kind.Text16) {
    end *= 2
    for (let index = 0; index < length; index++) ends[index] = 2 * (ends[index] as number)
  }
  return { kinds: ONE_KIND[kind] as Uint8Array, ends, bytes: SCRATCH, length: end }
}

/** An item that waits for the one whose getter sent it; without `encoded` where it could not be. */
interface LateItem {
  encoded: EncodedItem | undefined
}

/** Items in columns that grow, to be used again after `reset()`. */
export class BlobWriter implements Sink {
  bytes: Buffer = Buffer.allocUnsafeSlow(1024)
  view: DataView = viewOf(this.bytes)
  /** Bytes of all items. */
  length = 0
  #kinds = new Uint8Array(32)
  #ends = new Uint32Array(32)
  #count = 0
  /** Whether all items are of the first one's kind. */
  #alike = true
  /** What getters of the item under way sent. */
  #late: LateItem[] | undefined
  #busy = false
  #resets = 0

  /** Items. */
  get count(): number {
    return this.#count
  }

  /** Whether code of an item's runs right now, because that item is being encoded. */
  get isBusy(): boolean {
    return this.#busy
  }

  /** Forgets all items, and memory that grew large. */
  reset(): void {
    this.#resets++
    this.length = 0
    this.#count = 0
    this.#alike = true
    if (this.bytes.length > KEPT_BYTES) this.#use(Buffer.allocUnsafeSlow(1024))
    if (this.#ends.length > KEPT_ITEMS) this.#resize(32)
  }

  /**
   * Encodes `value` to the end; the columns stay as they were where that throws.
   *
   * @param path - what to call the item in an error, followed by `[index]` unless that is negative
   * @throws {UncloneableError} for what can't travel
   * @throws {InvalidOptionError} for more than an item, or a call, can have
   */
  append(value: unknown, path: string, index = -1): void {
    if (this.#busy) {
      this.#appendLate(value, pathOf(path, index))
      return
    }
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) {
      if (isUint8Array(value) && this.#appendBytes(value, path, index)) return
      this.push(encodeItem(value, pathOf(path, index)))
      return
    }
    const begin = this.length
    const resets = this.#resets
    this.#busy = true
    try {
      const rest = tryPack(value, this, path, index)
      if (rest) {
        const encoded = encodeOther(rest.value, pathOf(path, index), value)
        checkLength(encoded.length, path, index)
        this.push(encoded)
      } else {
        const length = this.length - begin
        // A getter may have had the items before this one sent.
        this.length = this.#resets === resets ? begin : 0
        checkLength(length, path, index)
        if (this.length < begin) this.bytes.copyWithin(0, begin, begin + length)
        this.#commit(Kind.Packed, this.length + length)
      }
    } finally {
      this.#busy = false
      if (this.#late) this.#pushLate(this.#late)
    }
  }

  push(item: EncodedItem): void {
    const end = this.length + item.length
    if (end > this.bytes.length) this.#grow(end)
    this.bytes.set(contentOf(item), this.length)
    this.#commit(item.kind, end)
  }

  /** The columns, valid until the next change. */
  finish(): EncodedBlobs {
    return {
      kinds: this.#kinds.subarray(0, this.#alike && this.#count > 0 ? 1 : this.#count),
      ends: this.#ends.subarray(0, this.#count),
      bytes: this.bytes,
      length: this.length,
    }
  }

  #appendBytes(value: Uint8Array, path: string, index: number): boolean {
    const length = byteLengthOf(value)
    if (length === 0 && !isPlainlyEmpty(value)) return false
    checkLength(length, path, index)
    const end = this.length + length
    if (end > this.bytes.length) this.#grow(end)
    this.bytes.set(value, this.length)
    this.#commit(Kind.Bytes, end)
    return true
  }

  #commit(kind: Kind, end: number): void {
    const count = this.#count
    if (count === this.#ends.length) this.#resize(2 * count)
    this.#kinds[count] = kind
    this.#ends[count] = end
    if (kind !== this.#kinds[0]) this.#alike = false
    this.length = end
    this.#count = count + 1
  }

  #appendLate(value: unknown, path: string): void {
    // Its own getters may come here, after it.
    const late: LateItem = { encoded: undefined }
    this.#late ??= []
    this.#late.push(late)
    late.encoded = own(encodeItem(value, path))
  }

  #pushLate(late: readonly LateItem[]): void {
    this.#late = undefined
    for (const { encoded } of late) if (encoded) this.push(encoded)
  }

  #resize(items: number): void {
    const kinds = new Uint8Array(items)
    const ends = new Uint32Array(items)
    kinds.set(this.#kinds.subarray(0, this.#count))
    ends.set(this.#ends.subarray(0, this.#count))
    this.#kinds = kinds
    this.#ends = ends
  }

  #grow(needed: number): void {
    if (needed > MAX_BYTES)
      throw new InvalidOptionError('items', `at most ${MAX_BYTES} bytes in one call`, needed)
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.bytes.length * 2, MAX_BYTES)))
    bytes.set(this.bytes.subarray(0, this.length))
    this.#use(bytes)
  }

  #use(bytes: Buffer): void {
    this.bytes = bytes
    this.view = viewOf(bytes)
  }
}

function pathOf(path: string, index: number): string {
  return index < 0 ? path : `${path}[${index}]`
}

/** The bytes of `item`, and none that only share its memory. */
export function contentOf({ kind, bytes, length }: EncodedItem): Uint8Array {
  // These are all of a view that is someone else's, whose properties may say anything.
  return kind === Kind.Bytes ? bytes : bytes.subarray(0, length)
}

/** `item` in memory that is not used again. */
function own(item: EncodedItem): EncodedItem {
  const { kind, length } = item
  // Those were serialized into memory of their own.
  return kind === Kind.Value ? item : { kind, bytes: new Uint8Array(contentOf(item)), length }
}

/** Where single objects are packed. */
let packed = createSink(1024)
/** What `encodeItems` writes with, unless it is in use. */
let sharedWriter: BlobWriter | undefined = new BlobWriter()
