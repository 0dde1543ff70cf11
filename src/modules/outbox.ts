/**
 * The memory in which a worker notes what it made of the items that it claimed, in the order of its claims. The native
 * side reads it when the worker calls, now and then from another thread, and when the worker's environment ends; so what
 * was noted is settled whatever happens to the worker. native/binding/src/outbox.rs has the same layout; a test compares the two.
 */

import { CHUNK_ITEMS } from '../chunk.js'
import { contentOf, type EncodedItem, encodeItem } from '../codec/encode.js'
import { Kind } from '../codec/kind.js'

const BYTES = 64 * 1024
/** UTF-8 needs at most this many bytes for each UTF-16 unit. */
const UTF8_MAX = 3

/** Byte offsets of the columns. */
export const OutboxLayout = {
  count: 0,
  busy: 8,
  sample: 16,
  ends: 24,
  kinds: 24 + 4 * CHUNK_ITEMS,
  bytes: 24 + 5 * CHUNK_ITEMS,
  size: 24 + 5 * CHUNK_ITEMS + BYTES,
  /** The kind of an item that has no result. */
  none: 255,
} as const

export class Outbox {
  readonly memory = new Uint8Array(OutboxLayout.size)
  readonly #count = new Uint32Array(this.memory.buffer, OutboxLayout.count, 1)
  readonly #times = new Float64Array(this.memory.buffer, OutboxLayout.busy, 2)
  readonly #ends = new Uint32Array(this.memory.buffer, OutboxLayout.ends, CHUNK_ITEMS)
  readonly #kinds = new Uint8Array(this.memory.buffer, OutboxLayout.kinds, CHUNK_ITEMS)
  readonly #bytes = new Uint8Array(this.memory.buffer, OutboxLayout.bytes, BYTES)
  readonly #view = new DataView(this.memory.buffer, OutboxLayout.bytes, BYTES)
  readonly #text = Buffer.from(this.memory.buffer, OutboxLayout.bytes, BYTES)

  /** How many items are noted; a native call that reads the notes makes it 0. */
  get count(): number {
    return this.#count[0] as number
  }

  get full(): boolean {
    return this.count === CHUNK_ITEMS
  }

  /** Notes that the next item was processed, and that nobody wants its result. */
  noteNoResult(): void {
    this.#note(OutboxLayout.none, this.#end)
  }

  /**
   * Notes that the next item was processed, with its result; or gives the result back, encoded, where it does not fit.
   *
   * @throws {UncloneableError} for a result that can't travel
   */
  noteResult(result: unknown): EncodedItem | undefined {
    return this.#noteShort(result) ? undefined : this.#noteEncoded(result)
  }

  /** Numbers and short ASCII strings are written where they go; whether the result was one. */
  #noteShort(result: unknown): boolean {
    const begin = this.#end
    if (typeof result === 'number') {
      if (begin + 8 > BYTES) return false
      this.#view.setFloat64(begin, result, true)
      this.#note(Kind.Number, begin + 8)
      return true
    }
    if (typeof result !== 'string' || begin + result.length * UTF8_MAX > BYTES) return false
    // As many bytes as units: all of it is ASCII.
    if (this.#text.write(result, begin) !== result.length) return false
    this.#note(Kind.Text, begin + result.length)
    return true
  }

  #noteEncoded(result: unknown): EncodedItem | undefined {
    const encoded = encodeItem(result, 'result')
    const begin = this.#end
    const end = begin + encoded.length
    if (end > BYTES) return encoded
    this.#bytes.set(contentOf(encoded), begin)
    this.#note(encoded.kind, end)
    return undefined
  }

  /** Notes how many ms the handler worked since the last report, and what one item took. */
  noteTimes(busy: number, sample: number): void {
    this.#times[0] = busy
    this.#times[1] = sample
  }

  get #end(): number {
    const { count } = this
    return count === 0 ? 0 : (this.#ends[count - 1] as number)
  }

  #note(kind: number, end: number): void {
    const { count } = this
    this.#kinds[count] = kind
    this.#ends[count] = end
    // Last: who reads this, from another thread or after the worker's end, must find what it counts.
    Atomics.store(this.#count, 0, count + 1)
  }
}
