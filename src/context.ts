/** What handlers and sources are called with. */

import type { ItemSendOptions } from './channel/send-options.js'

/** A handler: a function of one item, which may return a promise. What it throws or rejects with fails that item. */
export type HandlerFunction<T, R> = (item: T, context: Context<T>) => R | PromiseLike<R>

/**
 * A handler of batches: a function of several items, which gives a result for each, in their order, or a promise of that;
 * where nobody wants any, it may give nothing. What it throws or rejects with fails all of them; a `BatchError` those
 * that it names.
 */
export type BatchHandlerFunction<T, R> = (
  items: T[],
  context: Context<T>,
) => BatchResults<R> | PromiseLike<BatchResults<R>>

/** What a handler of batches gives: a result for each item, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: what a function returns that returns nothing.
export type BatchResults<R> = readonly R[] | void

/** What a handler can ask and do while it handles an item. */
export interface Context<T = unknown> {
  /** What the item's sender gave it, the same for each attempt; else one that is unique within the system, for each attempt. */
  readonly id: string
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** Aborts when the system is aborted, when its stop ran past the time-out, or the attempt past `handlerTimeout`. */
  readonly signal: AbortSignal
  /** What the item's sender gave it to go along. Empty for a batch, whose items have headers of their own. */
  readonly headers: Readonly<Record<string, string>>
  /** Which of the system's `consumers` handles the item, from 0. */
  readonly worker: number
  /**
   * Sends an item into the handler's own system; waits while the channel is full, as `system.send` does.
   *
   * Rejects with `WouldDeadlockError` where every consumer would then be waiting for room that only they can make; and where
   * all that are at work wait, and every queued item has the key of one of theirs.
   */
  send(item: T, options?: ItemSendOptions): Promise<void>
  /** Stops the system, as `system.stop()` does. Does not wait: the item in hand is part of what is drained. */
  stop(): void
}

/** A source: a function that is called once for each of the system's `producers`, to make its part of the items. */
export type SourceFunction<T> = (context: SourceContext) => AsyncIterable<T> | Iterable<T>

/** What a source function is called with. */
export interface SourceContext {
  /** Which producer this is, from 0. */
  readonly index: number
  /** How many producers there are. */
  readonly count: number
  /** Aborts when the system stops: the source should end then. */
  readonly signal: AbortSignal
}
