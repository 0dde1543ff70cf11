/** What a system needs of a channel. */

import type { WaitOptions } from '../wait.js'
import type { Lease } from './lease.js'
import type { ItemSendOptions } from './send-options.js'

/**
 * The narrow face of a channel: what a system needs, and what a distributed queue can offer as well. Everything is
 * asynchronous.
 */
export interface ItemChannel<T> {
  /** Sends one item; waits while there is no room. */
  send(item: T, options?: ItemSendOptions): Promise<void>
  /** Sends all of `items`; waits while there is no room. */
  sendMany(items: readonly T[], options?: ItemSendOptions): Promise<void>
  /** Receives one item; waits while there is none. Rejects with `ClosedError` at the end. */
  receive(options?: WaitOptions): Promise<T>
  /** Waits for one item and receives up to `max`. Gives `[]` only at the end. */
  receiveMany(max: number, options?: WaitOptions): Promise<T[]>
  /** Receives one item that is to be settled; waits while there is none. */
  lease(options?: WaitOptions): Promise<Lease<T>>
  /** Later sends are refused; receivers get what there is, then the end. */
  close(): unknown
  /** Ends everything that waits. */
  abort(reason?: unknown): unknown
  [Symbol.asyncIterator](): AsyncIterator<T>
}
