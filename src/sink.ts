/** A channel that a system's results go to. */

import { admit, Channel } from './channel/channel.js'
import type { ItemChannel } from './channel/item-channel.js'
import type { Context, HandlerFunction } from './context.js'

/**
 * `handler`, with its results sent to `sink`: an item is handled once its result has gone in, so a sink that is full
 * holds up the consumers, and one that takes no more fails the item.
 *
 * @param sent - called once a result has been sent, before its item counts as handled
 */
export function sendingTo<T, R>(
  sink: Pick<ItemChannel<R>, 'send'>,
  handler: HandlerFunction<T, R>,
  sent?: () => void,
): HandlerFunction<T, undefined> {
  return async (item: T, context: Context<T>) => {
    const result = await handler(item, context)
    const options = { signal: context.signal }
    // Where it need not wait, its item is settled in this very turn: in the next one the system may break off, and would
    // fail an item whose result has gone in.
    const sending = sink instanceof Channel ? admit(sink, result, options) : sink.send(result, options)
    if (sending !== undefined) await sending
    sent?.()
    return undefined
  }
}
