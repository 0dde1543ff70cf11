/** An item that was handed over and is to be settled. */

import { StateError } from '../errors.js'

/**
 * An item that is yours until you say what became of it: `settle()` once it is done with, `retry()` to give it back
 * for another attempt. `using lease = await channel.lease()` gives it back unless it was settled. So does the end of
 * the thread, whatever ends it.
 */
export interface Lease<T> {
  readonly item: T
  /** The sender's, or one that no other item of the channel has; the same for all attempts. */
  readonly id: string
  /** What the sender gave the item to go along. */
  readonly headers: Readonly<Record<string, string>>
  /** From 1. */
  readonly attempt: number
  /** The item is done with. */
  settle(): void
  /** Gives the item back: it comes again, to whoever receives or leases next. */
  retry(error?: unknown): void
  [Symbol.dispose](): void
}

/** Ends a lease natively. With `dispose` it is given back, unless it went back with its handle. */
export type EndLease = (how: 'settle' | 'retry' | 'dispose') => void

/** What is known of a leased item beside its value. */
export type Labeled = Pick<Lease<unknown>, 'id' | 'headers' | 'attempt'>

export class ItemLease<T> implements Lease<T> {
  readonly item: T
  readonly id: string
  readonly headers: Readonly<Record<string, string>>
  readonly attempt: number
  #end: EndLease | undefined

  constructor(item: T, { id, headers, attempt }: Labeled, end: EndLease) {
    this.item = item
    this.id = id
    this.headers = headers
    this.attempt = attempt
    this.#end = end
  }

  settle(): void {
    this.#finish('settle')
  }

  retry(_error?: unknown): void {
    this.#finish('retry')
  }

  [Symbol.dispose](): void {
    if (this.#end) this.#finish('dispose')
  }

  #finish(how: Parameters<EndLease>[0]): void {
    const end = this.#end
    if (!end)
      throw new StateError(
        `${how}: expected a lease that is not settled, got one that was settled or given back`,
      )
    this.#end = undefined
    end(how)
  }
}
