/** Values through the codec and back. */
import { decodeItem } from '../../src/codec/decode.js'
import { encodeItem } from '../../src/codec/encode.js'

/** What arrives of `value`. */
export function through(value: unknown): unknown {
  const { kind, bytes, length } = encodeItem(value, 'item')
  return decodeItem(kind, Buffer.from(new Uint8Array(bytes)), 0, length)
}

/** What came of a call. */
export function attempt(call: () => unknown): { ok: boolean; value?: unknown; error?: unknown } {
  try {
    return { ok: true, value: call() }
  } catch (error) {
    return { ok: false, error }
  }
}
