/** Sources that run natively, in threads of their own. */

import { fileURLToPath } from 'node:url'
import { InvalidOptionError } from './errors.js'
import { type EncodedText, TEXT_ENCODINGS, type TextEncoding } from './text.js'
import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkOptions,
  checkPath,
  checkSpan,
  type Span,
} from './validate.js'

declare const type: unique symbol

/** A native source of items of type `T`; made by the functions of this module. */
export interface Source<out T> {
  readonly [type]: () => T
}

/** A path: a string, the bytes of a name that is no UTF-8, or a `file:` URL. */
export type Path = string | Uint8Array | URL

/** What a sequence is made of. */
export type SequenceItem = 'name' | 'number' | 'bytes'

export interface SequenceOptions<Of extends SequenceItem = SequenceItem> {
  /**
   * `'name'` (default): strings `item_{producer}_{n}`, both numbers from 0. `'number'`: whole numbers from 0, each
   * once. `'bytes'`: those numbers as 8 bytes in little-endian order, over and over.
   */
  of?: Of
  /** Bytes in each item, for `of: 'bytes'`. Default 64. */
  size?: number
  /** ms that a producer sleeps after each item: a number, or `[min, max]` to draw from uniformly. Default 0. */
  delay?: Span
  /** How many items all producers make together. Default: no end. */
  limit?: number
}

export interface LinesOptions<E extends TextEncoding = TextEncoding> {
  /** What a line is: a string (default), where bytes that are no UTF-8 become U+FFFD, or its bytes. */
  encoding?: E
  /** The column of a line that is its key. Default: lines have none. */
  key?: KeyColumn
}

/**
 * A column of a line. Lines of one key are handled one at a time and in the order in which they were sent, which is that
 * of the file where there is one producer. Quotes mean nothing. A line with fewer columns has no key.
 */
export interface KeyColumn {
  /** Which one, from 0. */
  column: number
  /** What is between columns: one ASCII character. Default `','`. */
  delimiter?: string
}

export interface FilesOptions<E extends TextEncoding = TextEncoding> {
  /**
   * Only files whose path below `root` matches one of these patterns, or whose name does, for one without a `/`. `*`, `?` and
   * `[a-z]` match no `/`, `**` any folders, `{a,b}` either. Default: all.
   */
  glob?: string | readonly string[]
  /** Whether files and folders whose name begins with a dot are walked. Default true. */
  hidden?: boolean
  /** Whether `.gitignore` and `.ignore` files are obeyed. Default false. */
  ignore?: boolean
  /** What a path is: a string (default), where bytes that are no UTF-8 become U+FFFD, or its bytes. */
  encoding?: E
  /** `'directory'`: files of one directory have one key, and are handled one at a time. Default: they have none. */
  key?: 'directory'
}

/** What the binding needs to know of a native source. Paths are bytes. */
export type SourcePlan =
  | { kind: 'sequence'; of: SequenceItem; size: number; min: number; max: number; limit?: number }
  | {
      kind: 'lines'
      paths: Uint8Array[]
      encoding: TextEncoding
      keyColumn?: number
      keyDelimiter?: number
    }
  | {
      kind: 'files'
      root: Uint8Array
      globs: string[]
      hidden: boolean
      ignore: boolean
      encoding: TextEncoding
      keyByDirectory: boolean
    }
  | { kind: 'channel'; channel: number }

/** The one class behind every native source. */
export class NativeSource {
  declare readonly [type]: () => never
  readonly plan: SourcePlan

  constructor(plan: SourcePlan) {
    this.plan = plan
  }

  get givesKeys(): boolean {
    const { plan } = this
    return plan.kind === 'lines' ? plan.keyColumn !== undefined : plan.kind === 'files' && plan.keyByDirectory
  }
}

interface SequenceTypes {
  name: string
  number: number
  bytes: Uint8Array
}

const DEFAULTS = {
  sequence: { of: 'name', size: 64, delay: 0 },
  lines: { encoding: 'utf8', delimiter: ',' },
  files: { glob: [], hidden: true, ignore: false, encoding: 'utf8' },
} as const
const SEQUENCE_ITEMS: readonly SequenceItem[] = ['name', 'number', 'bytes']
/** The largest item of a sequence: 1 GiB. */
const MAX_SIZE = 2 ** 30
const MAX_COLUMN = 2 ** 32 - 1
// biome-ignore lint/suspicious/noControlCharactersInRegex: any may be between columns
const ASCII = /^[\0-\t\v\f\x0e-\x7f]$/

/**
 * Made-up items, as fast as they go or with a delay after each.
 *
 * @throws {InvalidOptionError} for an option that can't be used
 */
export function sequence<Of extends SequenceItem = 'name'>(
  options: SequenceOptions<Of> = {},
): Source<SequenceTypes[Of]> {
  checkOptions('sequence()', options, ['of', 'size', 'delay', 'limit'])
  const {
    of = DEFAULTS.sequence.of,
    size = DEFAULTS.sequence.size,
    delay = DEFAULTS.sequence.delay,
  } = options
  const [min, max] = checkSpan('delay', delay)
  return make({
    kind: 'sequence',
    of: checkChoice('of', of, SEQUENCE_ITEMS),
    size: checkInteger('size', size, 0, MAX_SIZE),
    min,
    max,
    ...(options.limit !== undefined && {
      limit: checkInteger('limit', options.limit, 0, Number.MAX_SAFE_INTEGER),
    }),
  })
}

/**
 * The lines of one file or several, each exactly once, without its line end (LF or CRLF). A byte order mark stays.
 * Producers share the files by byte ranges; the order between them is open.
 *
 * @throws {InvalidOptionError} for what is no path, or an option that can't be used
 */
export function lines<E extends TextEncoding = 'utf8'>(
  paths: Path | readonly Path[],
  options: LinesOptions<E> = {},
): Source<EncodedText[E]> {
  checkOptions('lines()', options, ['encoding', 'key'])
  const { encoding = DEFAULTS.lines.encoding } = options
  const list = Array.isArray(paths) ? paths : [paths]
  if (list.length === 0) throw new InvalidOptionError('paths', 'at least one path', paths)
  return make({
    kind: 'lines',
    paths: list.map((path, index) => toBytes(Array.isArray(paths) ? `paths[${index}]` : 'paths', path)),
    encoding: checkChoice('encoding', encoding, TEXT_ENCODINGS),
    ...(options.key !== undefined && planColumn(options.key)),
  })
}

function planColumn(key: KeyColumn): { keyColumn: number; keyDelimiter: number } {
  checkOptions('key', key, ['column', 'delimiter'])
  const { column, delimiter = DEFAULTS.lines.delimiter } = key
  if (typeof delimiter !== 'string' || !ASCII.test(delimiter)) {
    throw new InvalidOptionError('key.delimiter', 'one ASCII character, and no line end', delimiter)
  }
  return {
    keyColumn: checkInteger('key.column', column, 0, MAX_COLUMN),
    keyDelimiter: delimiter.charCodeAt(0),
  }
}

/**
 * The paths of all files below `root`, walked in parallel, in any order: by default everything that
 * `find root -type f` finds. A folder that can't be read becomes a dead letter, and the walk goes on.
 *
 * @throws {InvalidOptionError} for what is no path, or an option that can't be used
 */
export function files<E extends TextEncoding = 'utf8'>(
  root: Path,
  options: FilesOptions<E> = {},
): Source<EncodedText[E]> {
  checkOptions('files()', options, ['glob', 'hidden', 'ignore', 'encoding', 'key'])
  const {
    glob = DEFAULTS.files.glob,
    hidden = DEFAULTS.files.hidden,
    ignore = DEFAULTS.files.ignore,
    encoding = DEFAULTS.files.encoding,
  } = options
  return make({
    kind: 'files',
    root: toBytes('root', root),
    globs: checkGlobs(glob),
    hidden: checkBoolean('hidden', hidden),
    ignore: checkBoolean('ignore', ignore),
    encoding: checkChoice('encoding', encoding, TEXT_ENCODINGS),
    keyByDirectory: options.key !== undefined && checkChoice('key', options.key, ['directory']) !== undefined,
  })
}

function checkGlobs(glob: unknown): string[] {
  const globs: unknown[] = Array.isArray(glob) ? glob : [glob]
  for (const pattern of globs) {
    if (typeof pattern !== 'string' || pattern === '') {
      throw new InvalidOptionError('glob', 'a pattern, or an array of patterns', pattern)
    }
  }
  return globs as string[]
}

function toBytes(option: string, value: unknown): Uint8Array {
  const path = checkPath(option, value)
  if (path instanceof Uint8Array) return Uint8Array.from(path)
  return Buffer.from(path instanceof URL ? fileURLToPath(path) : path)
}

function make<T>(plan: SourcePlan): Source<T> {
  return new NativeSource(plan) as unknown as Source<T>
}
