/** Waits that a signal or a time-out can end early. */

import { AbortedError, TimeoutError } from './errors.js'
import { whenAborted } from './signals.js'
import { checkMs, checkOptions, checkSignal } from './validate.js'

/** What can end an asynchronous wait early. */
export interface WaitOptions {
  /** Ends the wait with `signal.reason`. One that has aborted already ends it before anything happens. */
  signal?: AbortSignal | undefined
  /** The longest wait, in ms; after it, `TimeoutError`. 0: only what needs no wait. Default: no limit. */
  timeout?: number | undefined
}

/** Options of a send. */
export interface SendOptions extends WaitOptions {}

/** A wait under way. */
export interface Wait<V> {
  /** What is waited for, in a time-out's message. */
  name: string
  /** Starts it. */
  begin(resolve: (value: V) => void, reject: (reason: unknown) => void): void
  /** Undoes it, and says what to reject with; undefined where it is too late, and the wait goes on to its end. */
  cancel(reason: unknown): { reason: unknown } | undefined
}

const KNOWN = ['signal', 'timeout'] as const

/**
 * The options, each read once: a getter may give something else the next time.
 *
 * @throws {InvalidOptionError} for an unknown option, what is no signal, or what is no time-out
 */
export function checkWait(options: WaitOptions): WaitOptions {
  checkOptions('options', options, KNOWN)
  const { signal, timeout } = options
  if (signal !== undefined) checkSignal('signal', signal)
  if (timeout !== undefined) checkMs('timeout', timeout)
  return { signal, timeout }
}

/** A promise of what `wait` brings, or that ends early as `options` say. Leaves no listener and no timer behind. */
export function waitFor<V>(wait: Wait<V>, { signal, timeout }: WaitOptions): Promise<V> {
  if (signal === undefined && timeout === undefined) {
    return new Promise((resolve, reject) => wait.begin(resolve, reject))
  }
  return new Promise((resolve, reject) => {
    let over = false
    let timer: NodeJS.Timeout | undefined
    let unlisten: (() => void) | undefined
    const leave = (): void => {
      over = true
      clearTimeout(timer)
      unlisten?.()
    }
    const end = (reason: unknown): void => {
      leave()
      try {
        const cancelled = wait.cancel(reason)
        if (cancelled) reject(cancelled.reason)
      } catch (error) {
        // Others wait for the same signal, and none is to be left out for what became of this one.
        reject(error)
      }
    }
    wait.begin(
      (value) => {
        leave()
        resolve(value)
      },
      (reason) => {
        leave()
        reject(reason)
      },
    )
    if (over) return
    if (timeout !== undefined) timer = setTimeout(() => end(timeoutError(wait.name, timeout)), timeout)
    if (signal === undefined) return
    try {
      unlisten = whenAborted(signal, () => end(signal.reason))
      // Code of an item's may have aborted it after it was looked at: then no event comes.
      if (signal.aborted) end(signal.reason)
    } catch (error) {
      // It only looks like a signal. What waits is to be taken out all the same.
      end(error)
    }
  })
}

/** As the signal's own method does; a polyfill may have none. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason
}

/** The error of a wait that took longer than `timeout` ms. */
export function timeoutError(name: string, timeout: number): TimeoutError {
  return new TimeoutError(`${name}: expected to be done within ${timeout} ms`)
}

/**
 * `reason` with how many items of a `sendMany` were sent. Where the reason can't carry that, because it is no object,
 * is frozen, or is another call's reason too, an error with the reason as its cause does. Never throws.
 */
export function withAccepted(reason: unknown, accepted: number): unknown {
  if (typeof reason === 'object' && reason !== null && canCarry(reason, accepted)) return reason
  return Object.assign(new AbortedError('the send was cancelled', { cause: reason }), { accepted })
}

function canCarry(reason: object, accepted: number): boolean {
  // What is no error of ours may be a proxy.
  try {
    if (Object.hasOwn(reason, 'accepted')) return false
    const value = { value: accepted, enumerable: true, writable: true, configurable: true }
    return Reflect.defineProperty(reason, 'accepted', value)
  } catch {
    return false
  }
}
