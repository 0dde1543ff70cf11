/** The context that a callback is called with. One is made for every item, so all that costs is behind getters. */

import type { Context } from './context.js'
import type { SendOptions } from './wait.js'

/** What the contexts of one system share. */
export interface ContextSystem<T> {
  readonly signal: AbortSignal
  /** A send that must not wait where every other consumer does too. */
  sendFrom(context: HandlerContext<T>, item: T, options?: SendOptions): Promise<void>
  /** Stops without waiting. */
  requestStop(): void
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

export class HandlerContext<T> implements Context<T> {
  readonly #system: ContextSystem<T>
  readonly #sequence: number
  readonly worker: number
  /** How many of its sends wait for room. */
  waits = 0

  constructor(system: ContextSystem<T>, sequence: number, worker: number) {
    this.#system = system
    this.#sequence = sequence
    this.worker = worker
  }

  get id(): string {
    return String(this.#sequence)
  }

  get attempt(): number {
    return 1
  }

  get signal(): AbortSignal {
    return this.#system.signal
  }

  get headers(): Readonly<Record<string, string>> {
    return NO_HEADERS
  }

  send(item: T, options?: SendOptions): Promise<void> {
    return this.#system.sendFrom(this, item, options)
  }

  stop(): void {
    this.#system.requestStop()
  }
}
