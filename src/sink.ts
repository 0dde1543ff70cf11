/** A channel that a system's results go to. */

import { ItemFailure, outcomesOf, outcomesOfThrown } from './batch.js'
import { admit, Channel } from './channel/channel.js'
import type { ItemChannel } from './channel/item-channel.js'
import type { BatchHandlerFunction, Context, HandlerFunction } from './context.js'

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

/** Told what became of an item of a batch: a result that was not sent, undefined for one that was, or an `ItemFailure`. */
export type Settle = (index: number, outcome: unknown) => void

/**
 * The same for a handler of batches: each of its results is sent by itself, in their order, and an item whose result can't be
 * fails alone. Each is settled before the next is sent, so that none is sent twice should this thread die.
 *
 * @returns a function that is called with what tells of an item whether its caller wants the result
 */
export function sendingEachTo<T, R>(
  sink: Sink<R>,
  handler: BatchHandlerFunction<T, R>,
  sent?: () => void,
): (items: T[], context: Context<T>, isKept: (index: number) => boolean, settle: Settle) => Promise<void> {
  return async (items, context, isKept, settle) => {
    let outcomes: readonly unknown[]
    try {
      outcomes = outcomesOf(await handler(items, context), items.length, () => true)
    } catch (error) {
      outcomes = outcomesOfThrown(error, items.length, () => true)
    }
    for (const [index, outcome] of outcomes.entries()) {
      if (ItemFailure.is(outcome) || isKept(index)) {
        settle(index, outcome)
        continue
      }
      try {
        const sending = sendTo(sink, outcome as R, context)
        if (sending !== undefined) await sending
        sent?.()
        settle(index, undefined)
      } catch (error) {
        settle(index, new ItemFailure(error))
      }
    }
  }
}
