/** Items that are sent and have not left yet: each the value that it was at the moment of its call. */

import {
  BlobWriter,
  contentOf,
  type EncodedBlobs,
  type EncodedItem,
  type EncodedItems,
  encodeItems,
} from '../codec/encode.js'
import { forgetPacked } from '../codec/pack.js'
import { byteLengthOf, isUint8Array } from '../codec/views.js'

/** Larger bytes are sent by themselves, so that they are copied once only. */
const MAX_BYTES = 16 * 1024
/** With more bytes than this, what is staged had better leave. */
const HEAVY_BYTES = 64 * 1024
/** The same for units of a text. */
const MAX_TEXT = 4096

/**
 * While all of them are values that can't change, they are kept as they are, and encoded together when they leave,
 * which costs a third. The first one that may change turns all into bytes.
 */
export class Staged {
  #values: unknown[] = []
  readonly #writer = new BlobWriter()

  /** Whether `item` is small, as far as that is to be seen at once. */
  static accepts(item: unknown): boolean {
    if (typeof item === 'string') return item.length <= MAX_TEXT
    return !isUint8Array(item) || byteLengthOf(item) <= MAX_BYTES
  }

  get count(): number {
    return this.#values.length + this.#writer.count
  }

  get isHeavy(): boolean {
    return this.#writer.length > HEAVY_BYTES
  }

  /** Whether code of an item's runs right now, because that item is being staged. */
  get isBusy(): boolean {
    return this.#writer.isBusy
  }

  /**
   * Stages `item`, which may run code of its own, unless that is one that can't change.
   *
   * @throws {UncloneableError} and those of `encodeItem`; then it is not staged
   */
  push(item: unknown): void {
    if (this.#writer.count === 0 && cannotChange(item)) {
      this.#values.push(item)
      return
    }
    this.#writeValues()
    this.#writer.append(item, 'item')
  }

  /** `encoded` out of the memory in which the next one is encoded, where there is to be a next one before it leaves. */
  protected(encoded: EncodedItem, item: unknown): EncodedItem {
    if (this.#values.length === 0 || encoded.bytes === item) return encoded
    return { ...encoded, bytes: new Uint8Array(contentOf(encoded)) }
  }

  /** All that is staged; its memory is used again by what is staged next. */
  take(): EncodedItems {
    if (this.#writer.count === 0) {
      const values = this.#values
      this.#values = []
      return encodeItems(values)
    }
    const items: EncodedBlobs = this.#writer.finish()
    forgetPacked()
    this.#writer.reset()
    return items
  }

  #writeValues(): void {
    const values = this.#values
    if (values.length === 0) return
    this.#values = []
    for (const value of values) this.#writer.append(value, 'item')
  }
}

function cannotChange(item: unknown): boolean {
  switch (typeof item) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return true
    default:
      return item === null
  }
}
