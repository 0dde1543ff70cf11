/** What a system tells at its end, and of the items that failed. */

import type { SystemStats } from './stats.js'

/** What `stop()`, `abort()` and `finished` give: the last statistics, and what was left. */
export interface Report<T = unknown> extends SystemStats {
  /** Items that were admitted and never handed to a handler, because of an abort, or a stop before the start was through. */
  unprocessed: T[]
  /** Names of native threads that were still busy when the system ended and were left behind. */
  detached: string[]
}

/** An item that was given up, as the `deadLetter` event brings it. */
export interface DeadLetter<T = unknown> {
  item: T
  /** What its last attempt threw or rejected with. */
  error: unknown
  /** How many attempts there were; 0 where it was never handed to a handler. */
  attempts: number
  /** How many of those ended with the death of the worker thread that made them. */
  deaths: number
  /** When its first attempt began, in ms since the epoch. */
  firstAt: number
  /** When its last attempt ended, in ms since the epoch. */
  lastAt: number
  reason: DeadLetterReason
}

/**
 * Why an item was given up: its handler failed or its source could not make it as it should, the system's stop ran
 * past its time-out, the system was aborted while the item was being handled, or the worker threads that handled it died.
 */
export type DeadLetterReason = 'failed' | 'timeout' | 'aborted' | 'died'
