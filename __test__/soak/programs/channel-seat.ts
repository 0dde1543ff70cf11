/** What a thread has in a round, and how its waits end. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Channel, WaitOptions } from '../../../src/index.js'
import type { Random } from '../../helpers/random.js'
import { once, pick } from './chance.js'
import type { Ledger } from './channel-ledger.js'

export interface Seat {
  readonly channel: Channel<unknown>
  readonly ledger: Ledger
  readonly thread: number
  readonly random: Random
  /** Whether it may block: only without a limit where nobody else waits for this very thread. */
  readonly blocking: 'never' | 'for a time' | 'for good'
  /** Whether it has large batches of numbers, and nothing else. */
  readonly fast: boolean
  /** How many priorities there are, 0 for none. */
  readonly priorities: number
  itemOf(number: number): unknown
  /** Throws for an item that is not equal to what was sent. */
  numberOf(item: unknown): number
}

/** Whether `error` is the end of the channel. */
export function isEnd(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'ERR_MILLRACE_CLOSED' || code === 'ERR_MILLRACE_ABORTED'
}

const BROKEN_OFF = new Error('the wait was broken off')

/** Whether `error` ends one wait and not the channel. */
export function isCancel(error: unknown): boolean {
  const { code } = error as { code?: string }
  return (
    error === BROKEN_OFF ||
    code === 'ERR_MILLRACE_TIMEOUT' ||
    code === 'ERR_MILLRACE_FULL' ||
    code === 'ERR_MILLRACE_DETACHED'
  )
}

/** Limits that end a wait soon: by time, or by a signal at some moment. */
export function limits(random: Random): WaitOptions {
  if (once(random, 2)) return { timeout: pick(random, [0, 1, 2, 5]) }
  const controller = new AbortController()
  const abort = (): void => controller.abort(BROKEN_OFF)
  pick(random, [
    abort,
    () => queueMicrotask(abort),
    () => setImmediate(abort),
    () => setImmediate(() => setImmediate(abort)),
    () => void sleep(random.below(5)).then(abort),
  ])()
  return { signal: controller.signal }
}
