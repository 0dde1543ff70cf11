/** The producer whose items come from a channel of another make than ours. */

import type { ItemChannel } from './channel/item-channel.js'
import type { Lease } from './channel/lease.js'
import { checkLabel } from './channel/send-options.js'
import { toFailure } from './failure.js'
import type { SourceSystem } from './source-runner.js'
import { inNextTurn, turnIsDue } from './turn.js'

/** How a plan tells such a channel from other sources. */
export class ForeignChannel {
  readonly channel: ItemChannel<unknown>

  constructor(channel: ItemChannel<unknown>) {
    this.channel = channel
  }
}

/**
 * Leases item by item, and settles a lease once its item is in the system's own channel: what a stop comes in between
 * goes back.
 */
export class ChannelRunner {
  readonly #system: SourceSystem
  readonly #channel: ItemChannel<unknown>
  readonly #stopping = new AbortController()
  /** Whether an item waits for room. */
  #sending = false
  #over = false

  constructor(system: SourceSystem, channel: ItemChannel<unknown>) {
    this.#system = system
    this.#channel = channel
  }

  /** Begins to take, unless it was stopped before. */
  start(): void {
    if (!this.#over) void this.#run()
  }

  /** Ends production. A lease that is still awaited is not waited for: should it come, it goes back. */
  stop(): void {
    this.#stopping.abort()
    if (!this.#sending) this.#end()
  }

  /** Ends production at once: an item that waits for room goes back. */
  abort(): void {
    this.#stopping.abort()
    this.#end()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let failure: { error: unknown } | undefined
    try {
      while (!signal.aborted) {
        const lease = await this.#lease()
        if (lease === undefined) break
        await this.#pass(lease)
        if (turnIsDue()) await new Promise<void>(inNextTurn)
      }
    } catch (error) {
      // After a stop, nobody wants to know.
      if (!signal.aborted) failure = { error }
    }
    this.#end(failure)
  }

  /** The next; undefined at the end, where a channel says that it is closed. */
  async #lease(): Promise<Lease<unknown> | undefined> {
    try {
      return await this.#channel.lease({ signal: this.#stopping.signal })
    } catch (error) {
      if (toFailure(error).code === 'ERR_MILLRACE_CLOSED') return undefined
      throw error
    }
  }

  async #pass(lease: Lease<unknown>): Promise<void> {
    let admitted = false
    try {
      admitted = !this.#stopping.signal.aborted && (await this.#send(lease))
    } catch (error) {
      // However that goes, this is what the system fails of.
      void (async () => lease.retry(error))().catch(() => {})
      throw error
    }
    await (admitted ? lease.settle() : lease.retry())
  }

  /** @throws where the item can't travel, or its lease's id or headers are not what they should be */
  async #send({ item, id, headers }: Lease<unknown>): Promise<boolean> {
    // A channel of another make may know no ids, or no headers.
    const label = checkLabel({ id: id || undefined, headers: headers ?? undefined }, 'lease.')
    this.#sending = true
    try {
      return await new Promise<boolean>((resolve) => {
        if (!this.#system.sendPulled([item], resolve, label && { label, keys: [] })) resolve(true)
      })
    } finally {
      this.#sending = false
    }
  }

  #end(failure?: { error: unknown }): void {
    if (this.#over) return
    this.#over = true
    this.#system.sourceEnded(failure)
  }
}
