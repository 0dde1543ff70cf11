/** Options of a send into a channel. */

import { InvalidOptionError } from '../errors.js'
import { checkOptions } from '../validate.js'
import { checkWait, type SendOptions } from '../wait.js'

/** Options of a send into a channel: what can end its wait, and what goes with the item beside its value. */
export interface ItemSendOptions extends SendOptions {
  /** The item's id, in place of one that the channel makes up: `lease.id`. Not for `sendMany`. */
  id?: string | undefined
  /** Texts that go with the item, each of `sendMany`'s: `lease.headers`. */
  headers?: Readonly<Record<string, string>> | undefined
}

/** What goes with an item natively; headers as JSON. */
export interface Label {
  id?: string
  headers?: string
}

/** Options that were checked. */
export interface CheckedSend extends SendOptions {
  label?: Label
}

const KNOWN = ['signal', 'timeout', 'id', 'headers'] as const

/** @throws {InvalidOptionError} */
export function checkSend(options: ItemSendOptions): CheckedSend {
  checkOptions('options', options, KNOWN)
  const { id, headers, ...rest } = options
  const limits = checkWait(rest)
  if (id === undefined && headers === undefined) return limits
  const label: Label = {}
  if (id !== undefined) {
    if (typeof id !== 'string' || id === '')
      throw new InvalidOptionError('id', 'a string that is not empty', id)
    label.id = id
  }
  if (headers !== undefined) label.headers = checkHeaders(headers)
  return { ...limits, label }
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
