/**
 * The memory in which a native call hands over up to 512 items: one buffer, made once and reused, read and written
 * by both sides. native/binding/src/chunk.rs has the same layout; a test compares the two.
 */

import type { NativeLarge } from './binding.js'
import { asBuffer, decodeEach, keepsMemory, keepTogether } from './codec/decode.js'
import { Kind } from './codec/kind.js'

/** The most items in a chunk. */
export const CHUNK_ITEMS = 512
/** The most bytes of items that lie in the chunk itself; more come as a buffer of their own. */
export const CHUNK_INLINE_BYTES = 64 * 1024

/**
 * Places in the header, a row of doubles. What was done since the last call goes in, and is cleared by the call; the
 * rest comes out. Items belong to one of two generations, by which the native side knows when it is idle.
 */
export const Header = {
  /** In, two by generation: items handed to the handler. */
  Handed: 0,
  /** In, two by generation: items settled as processed. */
  Processed: 2,
  /** In, two by generation: items settled as failed. */
  Failed: 4,
  /** In: ms spent in the handler. */
  Busy: 6,
  /** In: ms from hand-over to settlement of one item, as a sample; 0 for none. */
  Sample: 7,
  /** Out: the generation of all items. */
  Generation: 8,
  /** Out: the kind of all items, or `MIXED`. */
  Kind: 9,
  /** Out: the bytes of all items, end to end; 0 for numbers in a column of their own. */
  Bytes: 10,
  /** Out: 1 where items have tags. */
  Tagged: 11,
  /** Out, for workers: 1 where results are wanted. */
  Collecting: 12,
  /** Out, for workers: which attempt the items are at. */
  Attempt: 13,
  /** Out, for channels: 1 where more items are there, which did not fit or go together with these. */
  More: 14,
  /** Out: 1 where any item has a label, which is to be asked for. */
  Labeled: 15,
} as const

/** The header's kind where each item has its own. */
export const MIXED = 255

/** Byte offsets of the columns. */
export const Layout = {
  header: 0,
  numbers: 128,
  tags: 128 + 8 * CHUNK_ITEMS,
  ends: 128 + 16 * CHUNK_ITEMS,
  kinds: 128 + 20 * CHUNK_ITEMS,
  bytes: 128 + 21 * CHUNK_ITEMS,
  size: 128 + 21 * CHUNK_ITEMS + CHUNK_INLINE_BYTES,
} as const

/** Items by index; numbers are read where they lie. */
export type ChunkItems = ArrayLike<unknown>

/** One chunk's memory, and the way to read items from it. */
export class Chunk {
  readonly memory = new Uint8Array(Layout.size)
  readonly header = new Float64Array(this.memory.buffer, Layout.header, 16)
  readonly tags = new Float64Array(this.memory.buffer, Layout.tags, CHUNK_ITEMS)
  readonly #numbers = new Float64Array(this.memory.buffer, Layout.numbers, CHUNK_ITEMS)
  readonly #ends = new Uint32Array(this.memory.buffer, Layout.ends, CHUNK_ITEMS)
  readonly #kinds = new Uint8Array(this.memory.buffer, Layout.kinds, CHUNK_ITEMS)
  readonly #items: unknown[] = new Array(CHUNK_ITEMS)

  /** Whether items of this chunk have tags, which tell whose `run()` they belong to. */
  get tagged(): boolean {
    return this.header[Header.Tagged] !== 0
  }

  /** Whether any item of this chunk has a label. */
  get labeled(): boolean {
    return this.header[Header.Labeled] !== 0
  }

  /** Whether the call could have handed over more in another chunk. */
  get hasMore(): boolean {
    return this.header[Header.More] !== 0
  }

  get generation(): number {
    return this.header[Header.Generation] as number
  }

  /**
   * The chunk's items, in the first `count` places of `items`, or where they lie; by default of an array that the next
   * call uses again.
   *
   * @param large - gives the items' bytes where they did not fit the chunk, or each item where it has memory of its own
   */
  decode(count: number, large: () => NativeLarge, items: unknown[] = this.#items): ChunkItems {
    const kind = this.header[Header.Kind] as number
    const length = this.header[Header.Bytes] as number
    if (kind === Kind.Number && length === 0) return this.#numbers
    const apart = length > CHUNK_INLINE_BYTES ? large() : undefined
    if (Array.isArray(apart)) {
      collectInTime()
      for (let index = 0; index < count; index++) items[index] = apart[index]
      return items
    }
    const bytes = apart ? asBuffer(apart) : this.#bytes(count, kind, length)
    decodeEach(count, kind === MIXED ? this.#kinds : kind, this.#ends, bytes, items)
    return items
  }

  #bytes(count: number, kind: number, length: number): Buffer {
    const bytes = Buffer.from(this.memory.buffer, Layout.bytes, length)
    return kind !== MIXED && !keepsMemory(kind) ? bytes : keepTogether(bytes, count)
  }
}

/**
 * To make memory of its own is when V8 looks how much there is with young objects, external memory included, and
 * collects them where it is much. Else that waits for a full collection, which takes five times as long.
 */
function collectInTime(): void {
  void new ArrayBuffer(1)
}
