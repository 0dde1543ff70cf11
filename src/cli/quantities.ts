/** The numbers a person writes on the command line: times, ranges of times, counts. */

import { InvalidArgumentError } from 'commander'

/** A time in ms, or the bounds that one is drawn from uniformly. */
export type Span = number | [min: number, max: number]

const DECIMAL = /^[+-]?\d+(?:\.\d+)?$/
const TIME = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/
const MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
/** What a Node.js timer can wait. */
const LONGEST = 2 ** 31 - 1

type Unit = keyof typeof MS

/** Reads a decimal number. Whether it makes sense as a count is for the library's own validation to say. */
export function parseNumber(text: string): number {
  if (!DECIMAL.test(text)) throw new InvalidArgumentError('Expected a number.')
  return Number(text)
}

/** Reads `--duration`: a time above zero, in seconds unless it names a unit (`10`, `500ms`, `2m`). In ms. */
export function parseDuration(text: string): number {
  const ms = parseTime(text, 's')
  if (ms === undefined || ms < 1) {
    throw new InvalidArgumentError('Expected a time of at least 1ms, such as 10 (seconds), 500ms or 2m.')
  }
  return ms
}

/** Reads a time or a range of times, in ms unless it names a unit (`5`, `5-20`, `100ms-2s`). In ms. */
export function parseSpan(text: string): Span {
  const times = text.split('-').map((part) => parseTime(part, 'ms'))
  const [from, to = from] = times
  if (from === undefined || to === undefined || times.length > 2 || times.includes(undefined)) {
    throw new InvalidArgumentError('Expected a time such as 5 (ms) or 2s, or a range such as 5-20.')
  }
  if (from > to) throw new InvalidArgumentError('Expected the smaller time of the range first.')
  return times.length === 1 ? from : [from, to]
}

function parseTime(text: string, bare: Unit): number | undefined {
  const [, digits, unit = bare] = TIME.exec(text) ?? []
  if (digits === undefined) return undefined
  const ms = Number(digits) * MS[unit as Unit]
  if (ms > LONGEST) throw new InvalidArgumentError(`Expected a time of at most ${LONGEST} ms.`)
  return ms
}
