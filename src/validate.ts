/** The checks that options and arguments have in common. Each returns the value or throws `InvalidOptionError`. */

import { types } from 'node:util'
import { InvalidOptionError } from './errors.js'

/** The longest time in ms: that of a timer, almost 25 days. */
export const MAX_MS = 2 ** 31 - 1

/** A time in ms, or a range of them to draw from. */
export type Span = number | readonly [min: number, max: number]

/** @throws {InvalidOptionError} unless `value` is an integer from `min` to `max` */
export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new InvalidOptionError(option, `an integer from ${min} to ${max}`, value)
}

/** @throws {InvalidOptionError} unless `value` is a time in ms */
export function checkMs(option: string, value: unknown): number {
  if (isMs(value)) return value
  throw new InvalidOptionError(option, `ms from 0 to ${MAX_MS}`, value)
}

/** @throws {InvalidOptionError} unless `value` is a time in ms or a range `[min, max]` of them */
export function checkSpan(option: string, value: unknown): [min: number, max: number] {
  if (isMs(value)) return [value, value]
  if (Array.isArray(value) && value.length === 2) {
    const [min, max] = value
    if (isMs(min) && isMs(max) && min <= max) return [min, max]
  }
  throw new InvalidOptionError(option, `ms, or a range [min, max] of ms, from 0 to ${MAX_MS}`, value)
}

/** @throws {InvalidOptionError} unless `value` is `true` or `false` */
export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new InvalidOptionError(option, 'true or false', value)
}

/** @throws {InvalidOptionError} unless `value` is one of `choices` */
export function checkChoice<C extends string>(option: string, value: unknown, choices: readonly C[]): C {
  const choice = choices.find((candidate) => candidate === value)
  if (choice !== undefined) return choice
  const hint = typeof value === 'string' ? suggest(value, choices) : undefined
  const expected = choices.map(quote).join(', ')
  throw new InvalidOptionError(option, choices.length > 1 ? `one of ${expected}` : expected, value, hint)
}

/** @throws {InvalidOptionError} unless `value` is an `AbortSignal` */
export function checkSignal(option: string, value: unknown): AbortSignal {
  // Not instanceof alone: a polyfill, or a signal of another realm, does as well.
  if (value instanceof AbortSignal || isSignalLike(value)) return value as AbortSignal
  throw new InvalidOptionError(option, 'an AbortSignal', value)
}

/**
 * The options object itself: an object, and nothing in it that is not known.
 *
 * @throws {InvalidOptionError} for what is no object, or for a name that is not one of `known`
 */
export function checkOptions(
  name: string,
  value: unknown,
  known: readonly string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(name, 'an object', value)
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    const expected = known.length > 0 ? `no option but ${known.join(', ')}` : 'no options'
    throw new InvalidOptionError(join(name, key), expected, Reflect.get(value, key), suggest(key, known))
  }
  return value as Record<string, unknown>
}

/** @throws {InvalidOptionError} unless `value` is a path: a string, bytes, or a `file:` URL; or where it holds a NUL */
export function checkPath(option: string, value: unknown): string | Uint8Array | URL {
  const fits =
    typeof value === 'string'
      ? value !== '' && !value.includes('\0')
      : types.isUint8Array(value)
        ? value.length > 0 && !value.includes(0)
        : value instanceof URL && value.protocol === 'file:'
  if (fits) return value as string | Uint8Array | URL
  throw new InvalidOptionError(
    option,
    'a path: a string or bytes without NUL and not empty, or a file: URL',
    value,
  )
}

function isMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_MS
}

function isSignalLike(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  )
}

function join(name: string, key: string): string {
  return name === 'options' ? key : `${name}.${key}`
}

function quote(text: string): string {
  return `'${text}'`
}

function suggest(name: string, known: readonly string[]): string | undefined {
  const close = known.find((candidate) => distance(name.toLowerCase(), candidate.toLowerCase()) <= 2)
  return close === undefined ? undefined : `did you mean ${quote(close)}?`
}

/** How many characters to add, drop or change to get from one to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next[j] = Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1)
    }
    row = next
  }
  return row[to.length] as number
}
