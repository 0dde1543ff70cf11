/** Options of a send into a channel. */

import type { NativeLabel } from '../binding.js'
import { InvalidOptionError } from '../errors.js'
import { checkOptions } from '../validate.js'
import { checkWait, type SendOptions, type WaitOptions } from '../wait.js'
import { checkMarks, type MarkOptions } from './order-options.js'

/** Options of a send into a channel: what can end its wait, and what goes with the item beside its value. */
export interface ItemSendOptions extends SendOptions, MarkOptions {
  /** The item's id, in place of one that the channel makes up: `lease.id`. Not for `sendMany`. */
  id?: string | undefined
  /** Texts that go with the item, each of `sendMany`'s: `lease.headers`. */
  headers?: Readonly<Record<string, string>> | undefined
}

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
  if (id === undefined && headers === undefined && marks === undefined) return limits
  const label: NativeLabel = { ...marks } as NativeLabel
  if (id !== undefined) {
    if (typeof id !== 'string' || id === '')
      throw new InvalidOptionError('id', 'a string that is not empty', id)
    label.id = id
  }
  if (headers !== undefined) label.headers = checkHeaders(headers)
  return { ...limits, label }
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

function checkHeaders(headers: unknown): string {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw new InvalidOptionError('headers', 'an object of strings', headers)
  }
  const entries = Object.entries(headers)
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw new InvalidOptionError(`headers.${name}`, 'a string', value)
  }
  // What JSON can't hold natively, lone surrogates, it escapes. Entries, because a name may be `__proto__`.
  return JSON.stringify(entries)
}

const NONE: Readonly<Record<string, string>> = Object.freeze({})

/** Headers as they came. */
export function parseHeaders(json: string | undefined): Readonly<Record<string, string>> {
  return json === undefined ? NONE : Object.freeze(Object.fromEntries(JSON.parse(json)))
}
