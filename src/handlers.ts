/** Handlers that run natively, in threads of their own, and never touch the event loop. */

import { type EncodedText, TEXT_ENCODINGS, type TextEncoding } from './text.js'
import { checkChoice, checkOptions, checkSpan, type Span } from './validate.js'

declare const types: unique symbol

/** A native handler of items of type `T` that gives results of type `R`; made by the functions of this module. */
export interface Handler<in T, out R> {
  readonly [types]: (item: T) => R
}

/** A file's path and what its content hashes to. */
export interface FileDigest<P extends string | Uint8Array = string> {
  path: P
  /** In lowercase hex digits. */
  digest: string
}

export interface HashFileOptions<E extends TextEncoding = TextEncoding> {
  /** How the result has the path: as a string (default), where bytes that are no UTF-8 become U+FFFD, or as bytes. */
  encoding?: E
}

/** `sha256`; `blake3`, several times faster; or `xxh3` (64 bits), the fastest, and not cryptographic. */
export type HashAlgorithm = 'sha256' | 'blake3' | 'xxh3'

/** The algorithms that `hash` and `hashFile` know. */
export const HASH_ALGORITHMS: readonly HashAlgorithm[] = ['sha256', 'blake3', 'xxh3']

/** What the binding needs to know of a native handler. */
export type HandlerPlan =
  | { kind: 'sleep'; min: number; max: number }
  | { kind: 'hash'; algorithm: HashAlgorithm }
  | { kind: 'hashFile'; algorithm: HashAlgorithm; encoding: TextEncoding }
  | { kind: 'noop' }

/** The one class behind every native handler. */
export class NativeHandler {
  declare readonly [types]: (item: never) => unknown
  readonly plan: HandlerPlan

  constructor(plan: HandlerPlan) {
    this.plan = plan
  }
}

/**
 * Sleeps for each item, as a stand-in for work: `ms` milliseconds, or a time drawn uniformly from `[min, max]`.
 * The result is how many ms it was.
 *
 * @throws {InvalidOptionError} for a negative time, or a range that falls
 */
export function sleep(ms: Span): Handler<unknown, number> {
  const [min, max] = checkSpan('ms', ms)
  return make({ kind: 'sleep', min, max })
}

/**
 * Hashes each item's bytes, a string's in UTF-8; the result is the digest in lowercase hex digits.
 * An item of another type fails, and so does text with a lone surrogate.
 *
 * @throws {InvalidOptionError} for an unknown algorithm
 */
export function hash(algorithm: HashAlgorithm): Handler<string | Uint8Array, string> {
  return make({ kind: 'hash', algorithm: checkChoice('algorithm', algorithm, HASH_ALGORITHMS) })
}

/**
 * Takes each item as a path and hashes that file's content, which is streamed and never in memory as a whole.
 * An item whose file can't be read fails with the system's error, such as `ENOENT`; one whose file gets shorter meanwhile with
 * `ERR_MILLRACE_FILE_CHANGED`.
 *
 * @throws {InvalidOptionError} for an unknown algorithm or encoding
 */
export function hashFile<E extends TextEncoding = 'utf8'>(
  algorithm: HashAlgorithm,
  options: HashFileOptions<E> = {},
): Handler<string | Uint8Array, FileDigest<EncodedText[E]>> {
  checkOptions('hashFile()', options, ['encoding'])
  const { encoding = 'utf8' } = options
  return make({
    kind: 'hashFile',
    algorithm: checkChoice('algorithm', algorithm, HASH_ALGORITHMS),
    encoding: checkChoice('encoding', encoding, TEXT_ENCODINGS),
  })
}

/** Reads each item and does nothing with it, to measure a source or to throw items away. The result is `undefined`. */
export function noop(): Handler<unknown, undefined> {
  return make({ kind: 'noop' })
}

function make<T, R>(plan: HandlerPlan): Handler<T, R> {
  return new NativeHandler(plan) as unknown as Handler<T, R>
}
