/** The context that a handler is called with. One is made for every item, so all that costs is behind getters. */

import type { ItemSendOptions } from './channel/send-options.js'
import type { Context } from './context.js'
import type { Label, Labels } from './labels.js'

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
  sendFrom(consumer: object | undefined, item: T, options?: ItemSendOptions): Promise<void>
  /** Stops without waiting. */
  requestStop(): void
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

/** As `call`, whose contexts know `labels` besides. */
export let withLabels: <T, V>(
  call: (item: T, context: Context<T>) => V,
  labels: Labels,
) => (item: T, context: Context<T>) => V

export class HandlerContext<T> implements Context<T> {
  readonly #owner: ContextOwner<T>
  readonly #sequence: number

  static {
    withLabels =
      <T, V>(call: (item: T, context: Context<T>) => V, labels: Labels) =>
      (item: T, context: Context<T>) => {
        const known = context as HandlerContext<T>
        return call(item, contextOf(known.#owner, known.#sequence, labels.of(known.#sequence)))
      }
  }

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

  // Functions of their own, so that a handler may destructure its context.

  get send(): (item: T, options?: ItemSendOptions) => Promise<void> {
    return (item, options) => {
      // A handler that was through before this call keeps no consumer waiting.
      const consumer = this.#owner.sequence === this.#sequence ? this.#owner : undefined
      return this.#owner.system.sendFrom(consumer, item, options)
    }
  }

  get stop(): () => void {
    return () => this.#owner.system.requestStop()
  }
}

class LabeledContext<T> extends HandlerContext<T> {
  readonly #label: Label

  constructor(owner: ContextOwner<T>, sequence: number, label: Label) {
    super(owner, sequence)
    this.#label = label
  }

  override get id(): string {
    return this.#label.id ?? super.id
  }

  override get headers(): Readonly<Record<string, string>> {
    return this.#label.headers
  }
}

/** The context of an item that may have a label. */
export function contextOf<T>(
  owner: ContextOwner<T>,
  sequence: number,
  label: Label | undefined,
): HandlerContext<T> {
  return label ? new LabeledContext(owner, sequence, label) : new HandlerContext(owner, sequence)
}
