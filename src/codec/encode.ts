/** JavaScript values to what travels natively: the value at the moment of the call. */

import { isAscii } from 'node:buffer'
import { types } from 'node:util'
import { serialize } from 'node:v8'
import { InvalidOptionError } from '../errors.js'
import { Kind } from './kind.js'
import { explainUncloneable } from './uncloneable.js'

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

const ALL_TEXT = Uint8Array.of(Kind.Text)
const EMPTY = new Uint8Array(0)
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024)
/** UTF-8 needs at most this many bytes for each UTF-16 unit. */
const UTF8_MAX = 3
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Encodes one item.
 *
 * @param path - what to call the item in an error
 * @throws {UncloneableError} for what can't travel
 * @throws {InvalidOptionError} for one of more than 1 GiB
 */
export function encodeItem(value: unknown, path: string): EncodedItem {
  const item = encode(value, path)
  if (item.length <= MAX_ITEM_BYTES) return item
  throw new InvalidOptionError(path, `at most ${MAX_ITEM_BYTES} bytes once it is encoded`, item.length)
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
    default:
      if (value === null) return { kind: Kind.Null, bytes: EMPTY, length: 0 }
      // An empty one may be detached, which the serializer knows.
      if (types.isUint8Array(value) && value.length > 0) {
        return { kind: Kind.Bytes, bytes: value, length: value.length }
      }
      return encodeValue(value, path)
  }
}

/**
 * Encodes all of `items`.
 *
 * @throws {UncloneableError} for what can't travel, naming its place
 * @throws {InvalidOptionError} for more bytes than one call can take
 */
export function encodeItems(items: readonly unknown[]): EncodedItems {
  const fast =
    typeof items[0] === 'number'
      ? encodeNumbers(items)
      : typeof items[0] === 'string'
        ? encodeTexts(items)
        : undefined
  if (fast) return fast
  const writer = new BlobWriter(items.length)
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    writer.push(Snapshot.is(item) ? item.encoded : encodeItem(item, `items[${index}]`))
  }
  return writer.finish()
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
    const encoded = encodeItem(value, path)
    // Other values were serialized into memory of their own already.
    return new Snapshot(
      encoded.kind === Kind.Bytes ? { ...encoded, bytes: new Uint8Array(encoded.bytes) } : encoded,
    )
  }
}

function encodeText(value: string): EncodedItem {
  if (value.length * UTF8_MAX > SCRATCH.length) return encodeLongText(value)
  const length = SCRATCH.write(value)
  // As many bytes as units: all of it is ASCII, and there is no surrogate to look for.
  if (length === value.length || !LONE_SURROGATE.test(value))
    return { kind: Kind.Text, bytes: SCRATCH, length }
  return { kind: Kind.Text16, bytes: SCRATCH, length: SCRATCH.write(value, 'utf16le') }
}

function encodeLongText(value: string): EncodedItem {
  const lone = LONE_SURROGATE.test(value)
  const bytes = Buffer.from(value, lone ? 'utf16le' : 'utf8')
  return { kind: lone ? Kind.Text16 : Kind.Text, bytes, length: bytes.length }
}

function encodeValue(value: unknown, path: string): EncodedItem {
  try {
    const bytes = serialize(value)
    if (types.isUint8Array(value)) return { kind: Kind.Bytes, bytes: EMPTY, length: 0 }
    return { kind: Kind.Value, bytes, length: bytes.length }
  } catch (error) {
    throw explainUncloneable(value, path, error)
  }
}

function encodeNumbers(items: readonly unknown[]): Float64Array | undefined {
  const numbers = new Float64Array(items.length)
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (typeof item !== 'number') return undefined
    numbers[index] = item
  }
  return numbers
}

/** Strings that are all ASCII and not too long for it are written in one go: a third of the time. */
function encodeTexts(items: readonly unknown[]): EncodedBlobs | undefined {
  const ends = new Uint32Array(items.length)
  let end = 0
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (typeof item !== 'string') return undefined
    end += item.length
    if (end > SCRATCH.length) return undefined
    ends[index] = end
  }
  const length = SCRATCH.write(items.join(''))
  // Other text has more bytes than units, or did not fit.
  return length === end && isAscii(SCRATCH.subarray(0, length))
    ? { kinds: ALL_TEXT, ends, bytes: SCRATCH, length }
    : undefined
}

/** Blobs that grow item by item. */
class BlobWriter {
  readonly #kinds: Uint8Array
  readonly #ends: Uint32Array
  #bytes = Buffer.allocUnsafe(1024)
  #count = 0
  #length = 0

  constructor(items: number) {
    this.#kinds = new Uint8Array(items)
    this.#ends = new Uint32Array(items)
  }

  push(item: EncodedItem): void {
    const end = this.#length + item.length
    if (end > this.#bytes.length) this.#grow(end)
    this.#bytes.set(
      item.length === item.bytes.length ? item.bytes : item.bytes.subarray(0, item.length),
      this.#length,
    )
    this.#length = end
    this.#kinds[this.#count] = item.kind
    this.#ends[this.#count] = end
    this.#count++
  }

  finish(): EncodedBlobs {
    return { kinds: this.#kinds, ends: this.#ends, bytes: this.#bytes, length: this.#length }
  }

  #grow(needed: number): void {
    if (needed > MAX_BYTES)
      throw new InvalidOptionError('items', `at most ${MAX_BYTES} bytes in one call`, needed)
    const bytes = Buffer.allocUnsafe(Math.max(needed, Math.min(this.#bytes.length * 2, MAX_BYTES)))
    bytes.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = bytes
  }
}
