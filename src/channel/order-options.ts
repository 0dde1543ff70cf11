/** Options that decide which item of a channel is next. */

import type { NativeOrder } from '../binding.js'
import { InvalidOptionError } from '../errors.js'
import { checkInteger, checkOptions, MAX_MS } from '../validate.js'

/** At most `limit` items in `per`. */
export interface RateOptions {
  /** Items, at least 1. */
  limit: number
  /** In so many ms; 1000 by default. */
  per?: number
}

/** Options that decide which item is next. */
export interface OrderOptions {
  /**
   * How many priorities there are, from 1 to 16: a send's `priority` is from 0, the lowest, up to one less. Items of the
   * highest go first, and past a full channel those of sends that wait.
   */
  priorities?: number
  /**
   * ms: a priority whose items wait while others go counts as one higher after that time, and again after each further
   * one, until one of its items goes. So none starves. 1000 by default.
   */
  aging?: number
  /**
   * How many items all receivers of the channel get in a time, in whatever threads they are. What was not used up is
   * kept for 10 ms.
   */
  rate?: RateOptions
}

export const ORDER_OPTIONS = ['priorities', 'aging', 'rate'] as const
const MAX_PRIORITIES = 16

/**
 * @throws {InvalidOptionError}
 * @internal
 */
export function checkOrder({ priorities, aging, rate }: OrderOptions): NativeOrder {
  const order: NativeOrder = { priorities: 0 }
  if (priorities !== undefined) order.priorities = checkInteger('priorities', priorities, 1, MAX_PRIORITIES)
  if (aging !== undefined) {
    if (priorities === undefined) throw new InvalidOptionError('aging', 'none without priorities', aging)
    order.aging = checkTime('aging', aging)
  }
  if (rate !== undefined) {
    checkOptions('rate', rate, ['limit', 'per'])
    order.limit = checkInteger('rate.limit', rate.limit, 1, Number.MAX_SAFE_INTEGER)
    order.per = rate.per === undefined ? 1000 : checkTime('rate.per', rate.per)
  }
  return order
}

function checkTime(option: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value <= MAX_MS) return value
  throw new InvalidOptionError(option, `ms, more than 0 and up to ${MAX_MS}`, value)
}

/** The key that a system's `key` option gave an item. */
export function checkKey(key: unknown): string | undefined {
  if (key === undefined || typeof key === 'string') return key
  throw new InvalidOptionError('key', 'a function that returns a string, or undefined', key)
}
