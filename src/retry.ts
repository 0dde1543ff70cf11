/** When an item whose attempt failed is tried again. */

import { InvalidOptionError, RetryIfError, UnrecoverableError } from './errors.js'
import { isThenable } from './thenable.js'
import { checkChoice, checkInteger, checkMs, checkOptions } from './validate.js'

/** How often an item is tried, and how long it waits in between. */
export interface RetryOptions {
  /** How many attempts may fail, the first included. Default 1: no retries. */
  attempts?: number | undefined
  /** How many worker threads an item may kill before it is given up. These don't count as `attempts`. Default 2. */
  deaths?: number | undefined
  /** How long to wait before the next attempt. Default: not at all. */
  backoff?: BackoffOptions | undefined
  /**
   * Whether to try again after `error`, which ended attempt `attempt` (from 1). Asked only where there are attempts left. One
   * that throws gives the item up, with a `RetryIfError`. For a handler that is a function; a handler module exports a
   * `retryIf` of its own, which may be asked after the last attempt too, and native handlers have none.
   */
  retryIf?: ((error: unknown, attempt: number) => boolean) | undefined
}

/** How long an item waits for its next attempt. While it waits it holds neither a consumer nor a place in the channel. */
export interface BackoffOptions {
  /** Whether each wait is as long as the first, or twice as long as the one before. Default 'fixed'. */
  type?: 'fixed' | 'exponential' | undefined
  /** ms before the second attempt. */
  delay: number
  /** The longest wait, in ms. Default: no limit. */
  max?: number | undefined
  /** The share of a wait, from 0 to 1, that is drawn at random, so that what failed together comes back apart. Default 0. */
  jitter?: number | undefined
}

/** What the native side needs to know of it. */
export interface RetryPlan {
  attempts: number
  deaths: number
  delay: number
  exponential: boolean
  max: number
  jitter: number
}

export type RetryIf = (error: unknown, attempt: number) => boolean

const MAX_COUNT = 2 ** 31 - 1

/** @throws {InvalidOptionError} for what can't be used */
export function planRetry(options: RetryOptions = {}): RetryPlan & { retryIf: RetryIf | undefined } {
  checkOptions('retry', options, ['attempts', 'deaths', 'backoff', 'retryIf'])
  const { attempts = 1, deaths = 2, backoff = { delay: 0 }, retryIf } = options
  if (retryIf !== undefined && typeof retryIf !== 'function')
    throw new InvalidOptionError('retry.retryIf', 'a function', retryIf)
  checkOptions('retry.backoff', backoff, ['type', 'delay', 'max', 'jitter'])
  const { type = 'fixed', delay, max, jitter = 0 } = backoff
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1))
    throw new InvalidOptionError('retry.backoff.jitter', 'a number from 0 to 1', jitter)
  const wait = checkMs('retry.backoff.delay', delay)
  return {
    attempts: checkInteger('retry.attempts', attempts, 1, MAX_COUNT),
    deaths: checkInteger('retry.deaths', deaths, 1, MAX_COUNT),
    exponential: checkChoice('retry.backoff.type', type, ['fixed', 'exponential']) === 'exponential',
    // Natively a limit of 0 is none.
    delay: max === 0 ? 0 : wait,
    max: max === undefined ? 0 : checkMs('retry.backoff.max', max),
    retryIf,
    jitter,
  }
}

/**
 * What an attempt that failed is to be reported with, and whether another would be in vain. A `retryIf` that throws fails
 * the item: nobody knows then whether to go on. It is not asked after the last attempt.
 */
export function judge(
  thrown: unknown,
  attempt: number,
  attempts: number,
  retryIf: RetryIf | undefined,
): { error: unknown; unrecoverable: boolean } {
  if (isUnrecoverable(thrown)) return { error: thrown, unrecoverable: true }
  if (retryIf === undefined || attempt >= attempts) return { error: thrown, unrecoverable: false }
  try {
    const again: unknown = retryIf(thrown, attempt)
    if (isThenable(again)) {
      void Promise.resolve(again).catch(() => {})
      throw new InvalidOptionError('retryIf', 'true or false', again)
    }
    return { error: thrown, unrecoverable: !again }
  } catch (cause) {
    return { error: new RetryIfError(thrown, { cause }), unrecoverable: true }
  }
}

/** By its name too: a handler may have our class from another copy of the library. Never throws. */
function isUnrecoverable(thrown: unknown): boolean {
  try {
    return (
      thrown instanceof UnrecoverableError ||
      (thrown instanceof Error && thrown.name === 'UnrecoverableError')
    )
  } catch {
    return false
  }
}
