/** A bounded channel that crosses threads. */

import { decodeItems } from '../codec/decode.js'
import { binding } from '../native.js'
import { checkOnDrop, checkOverflow, type OnDrop, type Overflow } from '../overflow.js'
import { refusedInTurn } from '../turn.js'
import { checkInteger, checkOptions } from '../validate.js'
import type { WaitOptions } from '../wait.js'
import { Attachment } from './attachment.js'
import { detachedError } from './detached.js'
import type { ItemChannel } from './item-channel.js'
import { Iteration } from './iteration.js'
import { ItemLease, type Lease } from './lease.js'
import { checkOrder, ORDER_OPTIONS, type OrderOptions } from './order-options.js'
import { ReceivingCase, rejectSelects, SendingCase } from './select.js'
import type { ItemSendOptions, MarkOptions } from './send-options.js'
import type { ChannelStats } from './stats.js'
import { type ChannelToken, checkToken } from './token.js'

/** Options of a channel. */
export interface ChannelOptions<T = unknown> extends AttachOptions<T>, OrderOptions {
  /**
   * The most items that are in it. From 1 to 16,777,216; 1000 by default. Bounds items, not bytes. Its slots are
   * allocated at once, some 120 bytes each.
   */
  capacity?: number
  /** The most sends that wait for room at once; further ones reject with `FullError`. Default: no limit. */
  maxWaiting?: number
  /** What a send does that finds no room, in every thread. Default `'wait'`. */
  overflow?: Overflow
}

/** Options of one handle to a channel. */
export interface AttachOptions<T = unknown> {
  /**
   * Called with each item that a send of this handle drops, before that send is over; see `overflow`. What it throws
   * becomes an uncaught exception, and no failure of the send.
   */
  onDrop?: OnDrop<T> | undefined
}

/** Options of a call that blocks a worker thread. */
export interface SyncOptions {
  /** Looked at when the call begins, and not again: a blocked thread hears no signal. */
  signal?: AbortSignal | undefined
  /** The longest wait, in ms; after it, `TimeoutError`. 0: only what needs no wait. Default: no limit. */
  timeout?: number | undefined
}

/** Options of a send that blocks a worker thread. */
export interface SendSyncOptions extends SyncOptions, MarkOptions {}

const MAX_CAPACITY = 2 ** 24
const DEFAULT_CAPACITY = 1000

/** What one `Channel` object has, apart from the object itself, which may be collected. */
class Membership {
  readonly attachment: Attachment
  readonly leases = new Set<number>()
  #over = false

  constructor(attachment: Attachment) {
    this.attachment = attachment
  }

  /** What was leased goes back, and the attachment ends with its last member. */
  end(): void {
    if (this.#over) return
    this.#over = true
    for (const lease of this.leases) binding.endChannelLease(this.attachment.handle, lease, false)
    this.attachment.leave()
  }
}

/** What the system's parts need, and nobody else should: the native handle of a channel that is attached. */
export let handleOf: (channel: object) => number

/** As `channel.send`, but gives nothing to wait for where the item was admitted at once: for callers that let turns end. */
export let admit: <T>(channel: Channel<T>, item: T, options: ItemSendOptions) => Promise<void> | undefined

const forgotten = new FinalizationRegistry((membership: Membership) => membership.end())

/**
 * A bounded queue of items between the threads of one process: any number of them send, any number receive, and each
 * item goes to one receiver. At most `capacity` items are in it; a send waits for room, a receive for an item.
 *
 * What travels is the value at the moment of the call: anything that structured clone can copy, without transfer.
 * Items of one thread arrive in the order of its calls; nothing is promised between threads.
 *
 * **Other threads** attach by `channel.token`. **Close** ends it gently: what is in it is received, then every
 * receiver gets the end. **Abort** ends it at once. It is never closed because nobody sends any more. A pending call
 * keeps the process alive, a channel by itself does not.
 *
 * The object is one handle of many to the same channel. Disposing it detaches it: `using channel = …` does so.
 *
 * ```ts
 * import { Worker } from 'node:worker_threads'
 * import { Channel } from 'millrace'
 *
 * const jobs = new Channel<string>({ capacity: 100 })
 * new Worker(new URL('./worker.js', import.meta.url), { workerData: jobs.token })
 * await jobs.send('a job')
 * jobs.close()
 *
 * // worker.js
 * for await (const job of Channel.attach<string>(workerData)) console.log(job)
 * ```
 */
export class Channel<T = unknown> implements ItemChannel<T> {
  readonly #attachment: Attachment
  readonly #membership: Membership
  readonly #creator: boolean
  #detached = false

  static {
    handleOf = (channel) => (channel as Channel).#attached('a system').handle
    admit = (channel, item, options) => channel.#attached('send()').outbox.admit(item, options, channel)
  }

  /**
   * Makes a channel.
   *
   * @throws {InvalidOptionError}
   */
  constructor(options: ChannelOptions<T> = {}) {
    const { attachment, creator, onDrop } = options instanceof Attach ? options : create(options)
    this.#attachment = attachment
    this.#creator = creator
    this.#membership = new Membership(attachment)
    forgotten.register(this, this.#membership, this)
    if (onDrop) attachment.outbox.watchDrops(this, onDrop)
  }

  /**
   * A handle to the channel that `token` names, in this thread. Never waits. After a close it attaches all the same,
   * while anyone else is.
   *
   * @throws {InvalidOptionError} for what is no token
   * @throws {StaleTokenError} where the channel is gone, or never was
   */
  static attach<T>(token: ChannelToken<T>, options: AttachOptions<T> = {}): Channel<T> {
    checkOptions('options', options, ['onDrop'])
    const onDrop = checkOnDrop(options.onDrop)
    return new Channel<T>(new Attach(Attachment.attach(checkToken(token)), onDrop) as ChannelOptions<T>)
  }

  /**
   * Names the channel in other threads: a plain object for `workerData`, `postMessage` or `BroadcastChannel`. Read on
   * the object that made the channel, it keeps the channel until it is closed and drained, or aborted, or until the
   * thread that made it ends.
   *
   * @throws {DetachedError}
   */
  get token(): ChannelToken<T> {
    return binding.channelToken(this.#attached('token').handle)
  }

  /** The most items that are in it. */
  get capacity(): number {
    return this.#attachment.capacity
  }

  /**
   * How many items are in it, at this moment. For people to look at, never something to decide by. 0 once this handle
   * is detached.
   */
  get length(): number {
    if (this.#detached) return 0
    this.#attachment.endTurn()
    return binding.channelLength(this.#attachment.handle)
  }

  /** Whether it was closed or aborted, at this moment; or this handle is detached. */
  get closed(): boolean {
    return this.#detached || binding.channelIsClosed(this.#attachment.handle)
  }

  /**
   * Its figures, at this moment. For people to look at, never something to decide by.
   *
   * @throws {DetachedError}
   */
  stats(): ChannelStats {
    const attachment = this.#attached('stats()')
    attachment.endTurn()
    return binding.channelStats(attachment.handle)
  }

  /**
   * Sends one item. Waits while the channel is full, in the order of the calls of this thread. A close does not end a
   * wait; an abort does. Where there is room the promise is settled already. Without room it does not wait where the
   * channel's `overflow` says something else.
   *
   * Rejects with `ClosedError`, `AbortedError`, `TimeoutError`, the signal's reason, `FullError` (see `maxWaiting` and `overflow`),
   * `UncloneableError`, `InvalidOptionError`, `DetachedError`; then the item is not in the channel.
   */
  send(item: T, options?: ItemSendOptions): Promise<void> {
    if (this.#detached) return refusedInTurn(detachedError('send()'))
    return this.#attachment.outbox.send(item, options, this)
  }

  /**
   * Sends all of `items`, which may be more than the capacity: it takes what room there is, and waits for more behind
   * others. All are encoded first, so one that can't travel means that none is sent.
   *
   * Rejects as `send` does. The error's `accepted` is how many items, from the first on, were sent.
   */
  sendMany(items: readonly T[], options?: ItemSendOptions): Promise<void> {
    if (this.#detached) return refusedInTurn(detachedError('sendMany()'))
    return this.#attachment.outbox.sendMany(items, options, this)
  }

  /**
   * Sends one item if there is room. Never waits. False only where the channel is full, or an earlier send of this
   * thread waits. It drops nothing, whatever the channel's `overflow`.
   *
   * @throws {ClosedError}
   * @throws {AbortedError}
   * @throws {UncloneableError}
   * @throws {InvalidOptionError}
   * @throws {DetachedError}
   */
  trySend(item: T, options?: MarkOptions): boolean {
    return this.#attached('trySend()').outbox.trySend(item, options)
  }

  /**
   * Sends one item; blocks the thread while the channel is full. Only in worker threads, which can be terminated
   * meanwhile.
   *
   * @throws {MainThreadError} on the main thread
   * @throws {TimeoutError} `FullError` (see `maxWaiting`), and those of `trySend`; then the item is not in the channel
   */
  sendSync(item: T, options?: SendSyncOptions): void {
    this.#attached('sendSync()').outbox.sendSync(item, options, this)
  }

  /**
   * Receives one item. Waits while there is none. One that is cancelled takes no item with it.
   *
   * Rejects with `ClosedError` at the end: the channel was closed, and all that was in it was received and settled.
   * Rejects with `AbortedError`, `TimeoutError`, the signal's reason, `InvalidOptionError`, `DetachedError` too.
   */
  receive(options?: WaitOptions): Promise<T> {
    if (this.#detached) return refusedInTurn(detachedError('receive()'))
    return this.#attachment.inbox.receive(options, this) as Promise<T>
  }

  /**
   * Waits for one item and receives up to `max`, in order. Gives `[]` only at the end.
   *
   * Rejects as `receive` does, but not at the end.
   */
  receiveMany(max: number, options?: WaitOptions): Promise<T[]> {
    if (this.#detached) return refusedInTurn(detachedError('receiveMany()'))
    return this.#attachment.inbox.receiveMany(max, options, this) as Promise<T[]>
  }

  /**
   * Receives one item if one is there. Never waits.
   *
   * @throws {ClosedError} at the end
   * @throws {AbortedError}
   * @throws {DetachedError}
   */
  tryReceive(): { value: T } | undefined {
    return this.#attached('tryReceive()').inbox.tryReceive() as { value: T } | undefined
  }

  /**
   * Receives one item; blocks the thread while there is none. Only in worker threads, which can be terminated
   * meanwhile.
   *
   * @throws {MainThreadError} on the main thread
   * @throws {TimeoutError} and those of `tryReceive`
   */
  receiveSync(options?: SyncOptions): T {
    return this.#attached('receiveSync()').inbox.receiveSync(options) as T
  }

  /**
   * Receives one item that is to be settled: see `Lease`. Waits while there is none. Its room is free at once. A
   * closed channel does not end before all its leases are settled. After an abort, what is given back is dropped.
   *
   * Rejects as `receive` does.
   */
  async lease(options?: WaitOptions): Promise<Lease<T>> {
    const { leases } = this.#membership
    const leased = await this.#attached('lease()').inbox.lease(options, this, (lease) => leases.add(lease))
    const { lease } = leased
    return new ItemLease(leased.item as T, leased, (how) => {
      if (how === 'dispose' && this.#detached) return
      const { handle } = this.#attached(`${how}()`)
      leases.delete(lease)
      binding.endChannelLease(handle, lease, how === 'settle')
    })
  }

  /** A case for `select` that receives one item. It does nothing by itself, and can be used again. */
  receiving(): ReceivingCase<T> {
    return new ReceivingCase<T>(this, () => this.#attached('receiving()'))
  }

  /**
   * A case for `select` that sends `item`: the value that it is when `select` is called. It does nothing by itself, and
   * can be used again.
   */
  sending(item: T): SendingCase {
    return new SendingCase(this, () => this.#attached('sending()'), item)
  }

  /**
   * Closes: later sends are refused with `ClosedError`, those that wait complete as room comes, receivers get all of
   * it, and then the end. Never waits; to close again does nothing.
   *
   * @throws {DetachedError}
   */
  close(): void {
    const { handle, outbox } = this.#attached('close()')
    outbox.endTurn()
    binding.closeChannel(handle)
  }

  /**
   * Aborts: everything that waits, in any thread, ends with `AbortedError`, whose cause is `reason` where that is
   * known. Never waits. What other threads had staged or taken ahead is discarded, and counted so.
   *
   * @returns what was queued, in order, for the first caller; `[]` for later ones
   * @throws {DetachedError}
   */
  abort(reason?: unknown): T[] {
    const attachment = this.#attached('abort()')
    attachment.outbox.endTurn()
    const queued = binding.abortChannel(attachment.handle, attachment.aborting(reason))
    return queued.flatMap(decodeItems<T>)
  }

  /**
   * Receives item after item, until the end; throws `AbortedError` after an abort. What it took ahead and did not hand
   * over goes back, however the loop is left.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new Iteration<T>(this.#attachment.inbox, this, () => this.#detached)
  }

  /**
   * Detaches this handle; on the one that made the channel, closes it first. Receives and selects that wait here reject
   * with `DetachedError`, sends that wait go on, leases go back. To do it again does nothing.
   */
  [Symbol.dispose](): void {
    if (this.#detached) return
    if (this.#creator) this.close()
    this.#detached = true
    forgotten.unregister(this)
    this.#attachment.inbox.rejectAll(this, detachedError('receive'))
    rejectSelects(this, detachedError('select()'))
    this.#membership.end()
  }

  #attached(name: string): Attachment {
    if (this.#detached) throw detachedError(name)
    return this.#attachment
  }
}

/** In place of options: how the constructor knows that there is a channel already. */
class Attach {
  readonly attachment: Attachment
  readonly creator = false
  readonly onDrop: OnDrop<never> | undefined

  constructor(attachment: Attachment, onDrop: OnDrop<never> | undefined) {
    this.attachment = attachment
    this.onDrop = onDrop
  }
}

function create(options: ChannelOptions<never>): {
  attachment: Attachment
  creator: boolean
  onDrop: OnDrop<never> | undefined
} {
  checkOptions('options', options, ['capacity', 'maxWaiting', 'overflow', 'onDrop', ...ORDER_OPTIONS])
  const { capacity, maxWaiting } = options
  const onDrop = checkOnDrop(options.onDrop)
  const overflow = checkOverflow(options.overflow)
  return {
    attachment: Attachment.create(
      capacity === undefined ? DEFAULT_CAPACITY : checkInteger('capacity', capacity, 1, MAX_CAPACITY),
      maxWaiting === undefined
        ? Number.POSITIVE_INFINITY
        : checkInteger('maxWaiting', maxWaiting, 0, Number.MAX_SAFE_INTEGER),
      checkOrder(options),
      overflow,
    ),
    creator: true,
    onDrop,
  }
}
