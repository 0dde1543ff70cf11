/** The context that a callback is called with. One is made for every item, so all that costs is behind getters. */

import type { SystemSendOptions } from './channel/order-options.js'
import type { Context } from './context.js'

/** A consumer, as the contexts of the items that it handles one after the other know it. */
export interface ContextOwner<T> {
  /** Which consumer it is, from 0. */
  readonly worker: number
  /** What its items' ids begin with. */
  readonly prefix: string
  /** The number of the item that it handles. */
  readonly sequence: number
  /** Which attempt it is, from 1. */
  readonly attempt: number
  readonly system: ContextSystem<T>
}

/** What contexts need to know of their system. */
export interface ContextSystem<T> {
  readonly signal: AbortSignal
  /** A send of a consumer's handler: it must not wait where every other consumer does too. */
  sendFrom(consumer: object | undefined, item: T, options?: SystemSendOptions): Promise<void>
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
    return `${this.#owner.prefix}${this.#sequence}`
  }

  get attempt(): number {
    return this.#owner.attempt
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

  send(item: T, options?: SystemSendOptions): Promise<void> {
    // A handler that was through before this call keeps no consumer waiting.
    const consumer = this.#owner.sequence === this.#sequence ? this.#owner : undefined
    return this.#owner.system.sendFrom(consumer, item, options)
  }

  stop(): void {
    this.#owner.system.requestStop()
  }
}
