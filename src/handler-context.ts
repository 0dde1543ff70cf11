/** The context that a callback is called with. One is made for every item, so all that costs is behind getters. */

import type { Context } from './context.js'
import type { SendOptions } from './wait.js'

/** What the contexts of one consumer share. */
export interface ContextOwner<T> {
  /** Which consumer it is, from 0. */
  readonly worker: number
  readonly system: ContextSystem<T>
}

/** What contexts need to know of their system. */
export interface ContextSystem<T> {
  readonly signal: AbortSignal
  /** A send that must not wait where every other consumer does too. */
  sendFrom(context: object, item: T, options?: SendOptions): Promise<void>
  /** Stops without waiting. */
  requestStop(): void
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

export class HandlerContext<T> implements Context<T> {
  readonly #owner: ContextOwner<T>
  readonly #sequence: number

  constructor(owner: ContextOwner<T>, sequence: number) {
    this.#owner = owner
    this.#sequence = sequence
  }

  get id(): string {
    return String(this.#sequence)
  }

  get attempt(): number {
    return 1
  }

  get signal(): AbortSignal {
    return this.#owner.system.signal
  }

  get headers(): Readonly<Record<string, string>> {
    return NO_HEADERS
  }

  get worker(): number {
    return this.#owner.worker
  }

  send(item: T, options?: SendOptions): Promise<void> {
    return this.#owner.system.sendFrom(this, item, options)
  }

  stop(): void {
    this.#owner.system.requestStop()
  }
}
