/** Items that are sent and have not left yet: each the value that it was at the moment of its call. */

import {
  contentOf,
  type EncodedBlobs,
  type EncodedItem,
  type EncodedItems,
  encodeItem,
  encodeItems,
} from '../codec/encode.js'

/** The most items: as many as there is credit for. */
const MAX_ITEMS = 64
/** A larger item is sent by itself, so that it is copied once only. */
const MAX_ITEM_BYTES = 16 * 1024
/** With more bytes than this, what is staged had better leave. */
const HEAVY_BYTES = 64 * 1024
/** A string of at most this many units is kept as it is. */
const MAX_TEXT = 4096

/**
 * While all of them are values that can't change, they are kept as they are, and encoded together when they leave,
 * which costs a third. The first one that may change turns all into bytes.
 */
export class Staged {
  #values: unknown[] = []
  #bytes: Buffer | undefined
  #length = 0
  readonly #kinds = new Uint8Array(MAX_ITEMS)
  readonly #ends = new Uint32Array(MAX_ITEMS)
  #count = 0
  /** The kind of all items so far, or -1. */
  #kind = -1

  /** Whether `item` can't change, and is small. */
  static keepsAsIs(item: unknown): boolean {
    switch (typeof item) {
      case 'string':
        return item.length <= MAX_TEXT
      case 'number':
      case 'boolean':
      case 'undefined':
        return true
      default:
        return item === null
    }
  }

  static fits(item: EncodedItem): boolean {
    return item.length <= MAX_ITEM_BYTES
  }

  get count(): number {
    return this.#values.length + this.#count
  }

  get isHeavy(): boolean {
    return this.#length > HEAVY_BYTES
  }

  /** Stages a value that is to be kept as it is. */
  push(value: unknown): void {
    if (this.#count > 0) this.#write(encodeItem(value, 'item'))
    else this.#values.push(value)
  }

  /** Stages an item that is `protected`. */
  pushEncoded(item: EncodedItem): void {
    this.#encodeValues()
    this.#write(item)
  }

  /** `encoded` out of the memory in which the next one is encoded, where there is to be a next one before it leaves. */
  protected(encoded: EncodedItem, item: unknown): EncodedItem {
    if (this.#values.length === 0 || encoded.bytes === item) return encoded
    return { ...encoded, bytes: new Uint8Array(contentOf(encoded)) }
  }

  /** All that is staged; its memory is used again by what is staged next. */
  take(): EncodedItems {
    if (this.#count === 0) {
      const values = this.#values
      this.#values = []
      return encodeItems(values)
    }
    const items: EncodedBlobs = {
      kinds: this.#kinds.subarray(0, this.#kind >= 0 ? 1 : this.#count),
      ends: this.#ends.subarray(0, this.#count),
      bytes: this.#bytes as Buffer,
      length: this.#length,
    }
    this.#count = this.#length = 0
    return items
  }

  #encodeValues(): void {
    const values = this.#values
    if (values.length === 0) return
    this.#values = []
    for (const value of values) this.#write(encodeItem(value, 'item'))
  }

  #write(item: EncodedItem): void {
    const { kind, length } = item
    this.#bytes ??= Buffer.allocUnsafeSlow(HEAVY_BYTES + MAX_ITEM_BYTES)
    if (this.#length + length > this.#bytes.length) this.#grow(length)
    this.#bytes.set(contentOf(item), this.#length)
    this.#length += length
    if (this.#count === 0) this.#kind = kind
    else if (this.#kind !== kind) this.#kind = -1
    this.#kinds[this.#count] = kind
    this.#ends[this.#count++] = this.#length
  }

  /** Texts that were kept as they are may be many bytes. */
  #grow(length: number): void {
    const bytes = Buffer.allocUnsafeSlow((this.#length + length) * 2)
    bytes.set((this.#bytes as Buffer).subarray(0, this.#length))
    this.#bytes = bytes
  }
}
