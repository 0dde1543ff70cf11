/** The events of a system. */

import { EventEmitter } from 'node:events'
import { throwLater } from './environment.js'
import type { DeadLetter } from './report.js'

/** Which events there are, and what they bring. There is no `error` event: what fails is told where it is awaited. */
export interface SystemEvents<T> {
  /** An item was given up. */
  deadLetter: [letter: DeadLetter<T>]
}

export type SystemEvent = keyof SystemEvents<unknown>

export const SYSTEM_EVENTS: readonly SystemEvent[] = ['deadLetter']

export type SystemListener<T, E extends SystemEvent> = (...values: SystemEvents<T>[E]) => void

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

  has(event: SystemEvent): boolean {
    return this.#emitter.listenerCount(event) > 0
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
  }
}
