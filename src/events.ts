/** The events of a system, for listeners and for `node:diagnostics_channel`. */

import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { throwLater } from './environment.js'
import type { DeadLetter } from './report.js'
import type { SystemState, SystemStats } from './stats.js'

/** An attempt that failed. */
export interface FailedAttempt<T = unknown> {
  item: T
  /** What the attempt threw or rejected with. */
  error: unknown
  /** Which attempt it was, from 1. */
  attempt: number
  /** ms that the item waits for its next attempt; undefined where it is given up. */
  delay: number | undefined
}

/** The exit of a worker thread that was not asked to. */
export interface WorkerExit {
  /** Which of the system's `consumers` it was, from 0. */
  worker: number
  /** What ended it. */
  error: unknown
}

/**
 * Which events there are, and what they bring. There is no `error` event: what fails is told where it is awaited. Each is
 * published to the diagnostics channel `millrace:` and its name too, with the same payload. Whoever is to hear there of every
 * failed attempt of a native handler or a module subscribes before the system starts: such a system looks for subscribers
 * then, and when it is idle or has dead letters.
 */
export interface SystemEvents<T> {
  /** An attempt failed, whatever becomes of the item. */
  attemptFailed: [attempt: FailedAttempt<T>]
  /** An item whose attempt failed is going to be tried again. */
  retry: [attempt: FailedAttempt<T>]
  /** An item was given up. */
  deadLetter: [letter: DeadLetter<T>]
  /** Everything that was sent is settled. */
  drained: [stats: SystemStats]
  /** A handler's worker thread died, and another takes its place. */
  workerExit: [exit: WorkerExit]
  /** The system's state has changed. */
  stateChange: [change: { state: SystemState; previous: SystemState }]
}

export type SystemEvent = keyof SystemEvents<unknown>

export const SYSTEM_EVENTS: readonly SystemEvent[] = [
  'attemptFailed',
  'retry',
  'deadLetter',
  'drained',
  'workerExit',
  'stateChange',
]

export type SystemListener<T, E extends SystemEvent> = (...values: SystemEvents<T>[E]) => void

const diagnostics = Object.fromEntries(
  SYSTEM_EVENTS.map((event) => [event, channel(`millrace:${event}`)]),
) as Record<SystemEvent, ReturnType<typeof channel>>

/** Emits events; a listener that throws harms nobody but itself: its error becomes an uncaught exception. */
export class Events<T> {
  readonly #emitter = new EventEmitter()

  on<E extends SystemEvent>(event: E, listener: SystemListener<T, E>): void {
    this.#emitter.on(event, listener)
  }

  once<E extends SystemEvent>(event: E, listener: SystemListener<T, E>): void {
    this.#emitter.once(event, listener)
  }

  off<E extends SystemEvent>(event: E, listener: SystemListener<T, E>): void {
    this.#emitter.off(event, listener)
  }

  /** Whether anybody listens: then it is worth making the payload. */
  has(event: SystemEvent): boolean {
    return this.#emitter.listenerCount(event) > 0 || diagnostics[event].hasSubscribers
  }

  emit<E extends SystemEvent>(event: E, ...values: SystemEvents<T>[E]): void {
    // Not by the emitter's own `emit`: there, one that throws keeps the others from hearing of it.
    for (const listener of this.#emitter.rawListeners(event)) {
      try {
        Reflect.apply(listener, this.#emitter, values)
      } catch (error) {
        throwLater(error)
      }
    }
    if (diagnostics[event].hasSubscribers) diagnostics[event].publish(values[0])
  }
}
