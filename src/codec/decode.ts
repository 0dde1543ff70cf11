/** What travels natively back to JavaScript values. */

import { isAscii } from 'node:buffer'
import { deserialize } from 'node:v8'
import { markAsUntransferable } from 'node:worker_threads'
import type { FileDigest } from '../handlers.js'
import { Kind } from './kind.js'
import { SHARED_TEXT_MAX, unpack, unpackTogether } from './unpack.js'

/** Items in columns as a native call returns them, in memory of their own. */
export interface NativeItems {
  kinds: Uint8Array
  ends: Uint32Array
  bytes: Uint8Array
}

/** All of `items`, in order. */
export function decodeItems<T>({ kinds, ends, bytes }: NativeItems): T[] {
  const items: T[] = new Array(kinds.length)
  const shared = kinds.length > 1 && kinds.some(keepsMemory)
  decodeEach(kinds.length, kinds, ends, shared ? keepTogether(bytes, kinds.length) : asBuffer(bytes), items)
  return items
}

/**
 * The first `count` items of `bytes`, item `i` ending at `ends[i]`, into `items`; see `decodeItem`.
 *
 * @param kinds - one for each item, or one for all
 * @internal
 */
export function decodeEach(
  count: number,
  kinds: Uint8Array | number,
  ends: Uint32Array,
  bytes: Buffer,
  items: unknown[],
): void {
  if (kinds === Kind.Bytes) {
    decodeBytes(count, ends, bytes, items)
    return
  }
  if (kinds === Kind.Text16 || kinds === Kind.Latin1 || (kinds === Kind.Text && isAscii(bytes))) {
    decodeTexts(count, kinds, ends, bytes, items)
    return
  }
  unpackTogether(bytes, (unpackNext) => {
    for (let index = 0, begin = 0; index < count; index++) {
      const kind = typeof kinds === 'number' ? kinds : (kinds[index] as number)
      const end = ends[index] as number
      items[index] = kind === Kind.Packed ? unpackNext(begin, end) : decodeItem(kind, bytes, begin, end)
      begin = end
    }
  })
}

/** The most common of all items that have memory: two getters of the view's are as long as its making. */
function decodeBytes(count: number, ends: Uint32Array, bytes: Buffer, items: unknown[]): void {
  const { buffer, byteOffset } = bytes
  for (let index = 0, begin = 0; index < count; index++) {
    const end = ends[index] as number
    items[index] = new Uint8Array(buffer, byteOffset + begin, end - begin)
    begin = end
  }
}

/**
 * Texts of which so many lie in `SHARED_TEXT_MAX` bytes become slices of one string: to make one is most of the time.
 *
 * @param kind - `Kind.Text` for ASCII
 */
function decodeTexts(count: number, kind: number, ends: Uint32Array, bytes: Buffer, items: unknown[]): void {
  const shift = kind === Kind.Text16 ? 1 : 0
  for (let index = 0, begin = 0; index < count; ) {
    let next = index + 1
    while (next < count && (ends[next] as number) - begin <= SHARED_TEXT_MAX) next++
    const last = ends[next - 1] as number
    const text = bytes.toString(shift ? 'utf16le' : 'latin1', begin, last)
    for (let from = 0; index < next; index++) {
      const to = ((ends[index] as number) - begin) >> shift
      items[index] = text.substring(from, to)
      from = to
    }
    begin = last
  }
}

/**
 * The item of `kind` in `bytes[begin..end]`. Bytes, and typed arrays inside values, are views over `bytes`, so
 * that memory must not be reused; for other kinds it may be.
 *
 * @internal
 */
export function decodeItem(kind: number, bytes: Buffer, begin: number, end: number): unknown {
  switch (kind) {
    case Kind.Undefined:
      return undefined
    case Kind.Null:
      return null
    case Kind.False:
      return false
    case Kind.True:
      return true
    case Kind.Number:
      return bytes.readDoubleLE(begin)
    case Kind.Text:
      return bytes.toString('utf8', begin, end)
    case Kind.Text16:
      return bytes.toString('utf16le', begin, end)
    case Kind.Latin1:
      return bytes.toString('latin1', begin, end)
    case Kind.Bytes:
      return new Uint8Array(bytes.buffer, bytes.byteOffset + begin, end - begin)
    case Kind.Value:
      return deserialize(bytes.subarray(begin, end))
    case Kind.Packed:
      return unpack(bytes, begin, end)
    case Kind.FileDigest:
    case Kind.FileDigestRaw:
      return decodeFileDigest(kind, bytes, begin, end)
    default:
      throw new RangeError(`expected an item kind from 0 to ${Kind.Latin1}, got ${kind}`)
  }
}

/** Whether an item of `kind` keeps pointing into the memory that it was decoded from. */
export function keepsMemory(kind: number): boolean {
  return kind === Kind.Bytes || kind === Kind.Value || kind === Kind.FileDigestRaw
}

/**
 * A copy of `bytes` for `count` items to keep. Where they are several its memory is kept from being transferred, which would
 * take it from all of them: Node 20 then copies what is in a transfer list, later ones refuse.
 *
 * A copy, because native memory must not be marked so: when its environment ends, Node detaches it, and from some 24 on aborts
 * the process where that is refused.
 */
export function keepTogether(bytes: Uint8Array, count: number): Buffer {
  // Small ones go into Node's own pool, which can't be transferred either.
  const kept = Buffer.from(bytes)
  if (count > 1 && kept.length === kept.buffer.byteLength) markAsUntransferable(kept.buffer)
  return kept
}

/**
 * `bytes` with the methods of a Buffer, over the same memory.
 *
 * @internal
 */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function decodeFileDigest(
  kind: number,
  bytes: Buffer,
  begin: number,
  end: number,
): FileDigest<string | Uint8Array> {
  const path = begin + 1 + (bytes[begin] as number)
  return {
    path: decodeItem(kind === Kind.FileDigest ? Kind.Text : Kind.Bytes, bytes, path, end) as
      | string
      | Uint8Array,
    digest: bytes.toString('latin1', begin + 1, path),
  }
}
