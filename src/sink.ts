/** A channel that a system's results go to. */

import { isBatchError, resultsOf } from './batch.js'
import { admit, Channel } from './channel/channel.js'
import type { ItemChannel } from './channel/item-channel.js'
import type { BatchHandlerFunction, Context, HandlerFunction } from './context.js'
import { BatchError } from './errors.js'

type Sink<R> = Pick<ItemChannel<R>, 'send'>

/**
 * `handler`, with its results sent to `sink`: an item is handled once its result has gone in, so a sink that is full
 * holds up the consumers, and one that takes no more fails the item.
 *
 * @param sent - called once a result has been sent, before its item counts as handled
 */
export function sendingTo<T, R>(
  sink: Sink<R>,
  handler: HandlerFunction<T, R>,
  sent?: () => void,
): HandlerFunction<T, undefined> {
  return async (item: T, context: Context<T>) => {
    const sending = sendTo(sink, await handler(item, context), context)
    if (sending !== undefined) await sending
    sent?.()
    return undefined
  }
}

/** Where it need not wait, nothing is to be waited for: the item is to be settled in this very turn. */
function sendTo<R>(sink: Sink<R>, result: R, { signal }: Context): Promise<void> | undefined {
  return sink instanceof Channel ? admit(sink, result, { signal }) : sink.send(result, { signal })
}

/**
 * The same for a handler of batches: each of its results is sent by itself, and an item whose result can't be fails alone.
 *
 * @returns a function that is called with what tells of an item whether its caller wants the result
 */
export function sendingEachTo<T, R>(
  sink: Sink<R>,
  handler: BatchHandlerFunction<T, R>,
  sent?: () => void,
): (items: T[], context: Context<T>, isKept: (index: number) => boolean) => Promise<readonly unknown[]> {
  return async (items, context, isKept) => {
    const errors = new Map<number, unknown>()
    let results: readonly unknown[]
    try {
      results = resultsOf(await handler(items, context), items.length, true)
    } catch (error) {
      if (!isBatchError(error)) throw error
      for (const [index, reason] of error.errors) errors.set(index, reason)
      results = error.results
    }
    for (const index of items.keys()) {
      if (errors.has(index) || isKept(index)) continue
      try {
        const sending = sendTo(sink, results[index] as R, context)
        if (sending !== undefined) await sending
        sent?.()
      } catch (error) {
        errors.set(index, error)
      }
    }
    if (errors.size > 0) throw new BatchError(errors, results)
    return results
  }
}
