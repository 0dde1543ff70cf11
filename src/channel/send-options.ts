/** Options of a send. */

import type { NativeLabel } from '../binding.js'
import { InvalidOptionError } from '../errors.js'
import { checkOptions } from '../validate.js'
import { checkWait, type SendOptions, type WaitOptions } from '../wait.js'
import { checkMarks, type MarkOptions } from './order-options.js'

/** What goes with an item beside its value, to whoever leases or handles it, through all of its attempts. */
export interface LabelOptions {
  /** The item's id, in place of one that is made up: `lease.id`, `context.id`. Not for `sendMany`. */
  id?: string | undefined
  /** Texts that go with the item, each of `sendMany`'s: `lease.headers`, `context.headers`. */
  headers?: Readonly<Record<string, string>> | undefined
}

/** Options of a send into a channel: what can end its wait, and what goes with the item beside its value. */
export interface ItemSendOptions extends SendOptions, MarkOptions, LabelOptions {}

/** Options of a send into a system. */
export interface SystemSendOptions extends ItemSendOptions {}

/** Options that were checked. */
export interface CheckedSend extends SendOptions {
  label?: NativeLabel
}

const KNOWN = ['signal', 'timeout', 'id', 'headers', 'priority', 'key'] as const
const MARKS = ['priority', 'key'] as const

/**
 * @param priorities - how many the channel has
 * @throws {InvalidOptionError}
 */
export function checkSend(options: ItemSendOptions, priorities: number): CheckedSend {
  checkOptions('options', options, KNOWN)
  const { id, headers, priority, key, signal, timeout } = options
  const limits = checkWait({ signal, timeout })
  const marks = checkMarks({ priority, key }, priorities)
  const label = checkLabel({ id, headers })
  if (label === undefined && marks === undefined) return limits
  return { ...limits, label: { ...marks, ...label } as NativeLabel }
}

/** @throws {InvalidOptionError} */
export function checkLabel({ id, headers }: LabelOptions): NativeLabel | undefined {
  const label: NativeLabel = {}
  if (id !== undefined) {
    if (typeof id !== 'string' || id === '')
      throw new InvalidOptionError('id', 'a string that is not empty', id)
    label.id = id
  }
  const entries = headers === undefined ? [] : checkHeaders(headers)
  // What JSON can't hold natively, lone surrogates, it escapes. Entries, because a name may be `__proto__`.
  if (entries.length > 0) label.headers = JSON.stringify(entries)
  return id === undefined && entries.length === 0 ? undefined : label
}

/** @throws {InvalidOptionError} */
export function checkSendSync(options: WaitOptions & MarkOptions, priorities: number): CheckedSend {
  checkOptions('options', options, ['signal', 'timeout', ...MARKS])
  const { priority, key, signal, timeout } = options
  const limits = checkWait({ signal, timeout })
  const label = checkMarks({ priority, key }, priorities) as NativeLabel | undefined
  return label ? { ...limits, label } : limits
}

/** @throws {InvalidOptionError} */
export function checkTrySend(options: MarkOptions, priorities: number): NativeLabel | undefined {
  checkOptions('options', options, MARKS)
  return checkMarks(options, priorities) as NativeLabel | undefined
}

function checkHeaders(headers: unknown): [string, string][] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw new InvalidOptionError('headers', 'an object of strings', headers)
  }
  const entries = Object.entries(headers)
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw new InvalidOptionError(`headers.${name}`, 'a string', value)
  }
  return entries
}

const NONE: Readonly<Record<string, string>> = Object.freeze({})

/** Headers as they came. */
export function parseHeaders(json: string | undefined): Readonly<Record<string, string>> {
  return json === undefined ? NONE : Object.freeze(Object.fromEntries(JSON.parse(json)))
}
