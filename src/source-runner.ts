/** The producers of a system that are JavaScript. */

import type { SourceFunction } from './context.js'
import { Pull } from './pull.js'
import type { Marks } from './sender.js'

/** What a source runner needs to know of its system. */
export interface SourceSystem {
  /** Sends all of `items`; see `PullTarget.send`. */
  sendPulled(items: readonly unknown[], done: (more: boolean) => void, marks?: Marks): boolean
  /** Gives items their keys, where they are to have some. */
  readonly keyOf: ((item: unknown) => string | undefined) | undefined
  /** An item that is not sent, because its key can't be had. */
  rejectPulled(item: unknown, error: unknown): void
  /** Every producer has ended, or one has failed and so ended the others; what they had is sent. */
  sourceEnded(failure?: { error: unknown }): void
}

/** Calls a source function once for each producer, and pulls what the calls return. */
export class SourceRunner {
  readonly #system: SourceSystem
  readonly #stopping = new AbortController()
  readonly #pulls: Pull[]
  #left: number
  #failure: { error: unknown } | undefined
  #stopped = false

  constructor(system: SourceSystem, source: SourceFunction<unknown>, count: number) {
    this.#system = system
    this.#left = count
    const { signal } = this.#stopping
    this.#pulls = Array.from(
      { length: count },
      (_, index) =>
        new Pull({
          open: () => source({ index, count, signal }),
          send: (items, done, keys) => system.sendPulled(items, done, keys && { label: {}, keys }),
          keyOf: system.keyOf,
          rejected: (item, error) => system.rejectPulled(item, error),
          ended: (failure) => this.#ended(failure),
        }),
    )
  }

  /** Begins to pull, unless it was stopped before. */
  start(): void {
    for (const pull of this.#pulls) if (!this.#stopped) pull.start()
  }

  /** Ends production: what was pulled is sent. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#stopping.abort()
    for (const pull of this.#pulls) pull.stop()
  }

  /** Ends production: what was pulled and not sent is dropped. */
  abort(): void {
    this.#stopped = true
    this.#stopping.abort()
    for (const pull of this.#pulls) pull.abort()
  }

  #ended(failure: { error: unknown } | undefined): void {
    this.#left--
    if (failure) {
      this.#failure ??= failure
      this.stop()
    }
    if (this.#left === 0) this.#system.sourceEnded(this.#failure)
  }
}
