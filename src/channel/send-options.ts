/** Options of a send. */

import type { NativeLabel } from '../binding.js'
import { InvalidOptionError } from '../errors.js'
import { checkInteger, checkOptions } from '../validate.js'
import { checkWait, type SendOptions } from '../wait.js'

/** What a send gives its item beside the value. It stays with the item through all of its attempts. */
export interface MarkOptions {
  /** From 0, the lowest and the default, to one less than the channel's `priorities`. */
  priority?: number | undefined
  /**
   * Of the items of one key, one is handled at a time, and those of one priority in order; items of other keys go on
   * meanwhile. Any text. Keys are told apart by a hash, natively: where two have the same one, they count as one key.
   */
  key?: string | undefined
  /** The item's id, in place of one that is made up: `lease.id`, `context.id`. Not for `sendMany`. */
  id?: string | undefined
  /** Texts that go with the item, each of `sendMany`'s: `lease.headers`, `context.headers`. */
  headers?: Readonly<Record<string, string>> | undefined
}

/** Options of a send into a channel or a system: what can end its wait, and what goes with the item. */
export interface ItemSendOptions extends SendOptions, MarkOptions {}

/** Options that were checked. */
export interface CheckedSend extends SendOptions {
  label?: NativeLabel
}

const MARKS = ['priority', 'key', 'id', 'headers'] as const
const KNOWN = ['signal', 'timeout', ...MARKS] as const

/**
 * The options, each read once.
 *
 * @param priorities - how many the channel has
 * @throws {InvalidOptionError}
 */
export function checkSend(options: ItemSendOptions, priorities: number): CheckedSend {
  checkOptions('options', options, KNOWN)
  const { signal, timeout } = options
  const limits = checkWait({ signal, timeout })
  const label = checkMarks(options, priorities)
  return label ? { ...limits, label } : limits
}

/** @throws {InvalidOptionError} */
export function checkTrySend(options: MarkOptions, priorities: number): NativeLabel | undefined {
  checkOptions('options', options, MARKS)
  return checkMarks(options, priorities)
}

function checkMarks(
  { priority, key, id, headers }: MarkOptions,
  priorities: number,
): NativeLabel | undefined {
  const label = checkLabel({ id, headers })
  if (priority === undefined && key === undefined) return label
  const marks: NativeLabel = { ...label }
  if (priority !== undefined) {
    if (priorities === 0) {
      throw new InvalidOptionError('priority', 'none for a channel without priorities', priority)
    }
    marks.priority = checkInteger('priority', priority, 0, priorities - 1)
  }
  if (key !== undefined) {
    if (typeof key !== 'string') throw new InvalidOptionError('key', 'a string', key)
    marks.key = key
  }
  return marks
}

/**
 * @param path - what they are part of, to be named in an error
 * @throws {InvalidOptionError}
 */
export function checkLabel(
  { id, headers }: Pick<MarkOptions, 'id' | 'headers'>,
  path = '',
): NativeLabel | undefined {
  const label: NativeLabel = {}
  if (id !== undefined) {
    // Natively it is UTF-8, where all lone surrogates are one.
    if (typeof id !== 'string' || id === '' || !id.isWellFormed())
      throw new InvalidOptionError(`${path}id`, 'a string that is not empty, without lone surrogates', id)
    label.id = id
  }
  const entries = headers === undefined ? [] : checkHeaders(headers, `${path}headers`)
  // What JSON can't hold natively, lone surrogates, it escapes. Entries, because a name may be `__proto__`.
  if (entries.length > 0) label.headers = JSON.stringify(entries)
  return id === undefined && entries.length === 0 ? undefined : label
}

function checkHeaders(headers: unknown, path: string): [string, string][] {
  // The entries of others, as of a Map or of Headers, are not their properties.
  if (!isPlainObject(headers)) throw new InvalidOptionError(path, 'a plain object of strings', headers)
  const entries = Object.entries(headers)
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw new InvalidOptionError(`${path}.${name}`, 'a string', value)
  }
  return entries as [string, string][]
}

/** Of whatever realm. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const NONE: Readonly<Record<string, string>> = Object.freeze({})

/** Headers as they came. */
export function parseHeaders(json: string | undefined): Readonly<Record<string, string>> {
  return json === undefined ? NONE : Object.freeze(Object.fromEntries(JSON.parse(json)))
}
