/** The public face of a system: it checks what it is given, and leaves the rest to the engine. */

// For `AsyncDisposable`, which no default library of TypeScript has: whoever compiles against our types gets it by this.
/// <reference lib="esnext.disposable" preserve="true" />

import { Channel } from './channel/channel.js'
import type { ItemChannel } from './channel/item-channel.js'
import type { ItemSendOptions, MarkOptions } from './channel/send-options.js'
import type { DeadLetters } from './dead-letters.js'
import { Engine } from './engine.js'
import { InvalidOptionError, StateError } from './errors.js'
import { SYSTEM_EVENTS, type SystemEvent, type SystemListener } from './events.js'
import { type BatchedSystemOptions, planSystem, type SystemOptions } from './options.js'
import type { Report } from './report.js'
import type { SystemStats } from './stats.js'
import { checkBoolean, checkChoice, checkMs, checkOptions } from './validate.js'
import { checkWait, throwIfAborted, type WaitOptions, waitFor } from './wait.js'

/** How a system is stopped. */
export interface StopOptions {
  /**
   * ms after which the system no longer waits for what is unsettled: `signal` of the handlers' contexts aborts, and
   * what is not settled then becomes a dead letter with the reason `timeout`. Default: no limit.
   */
  timeout?: number | undefined
  /** Whether what is queued is still handled. `false` is an abort. Default true. */
  drain?: boolean | undefined
}

/**
 * A producer-consumer system: producers make items, a bounded channel carries them, consumers handle them.
 *
 * Its life: ready → running ⇄ paused → draining → stopped, or → aborted. It keeps the process alive while a source
 * runs or anything is unsettled, and not while its consumers idle or before it is started.
 *
 * ```ts
 * const system = new ProducerConsumerSystem({ handler: async (url: string) => (await fetch(url)).status })
 * await system.start()
 * console.log(await system.run('https://example.com'))
 * await system.stop()
 * ```
 */
export class ProducerConsumerSystem<T = unknown, R = unknown> implements AsyncDisposable {
  readonly #engine: Engine<T, R>
  readonly #channel: ItemChannel<T> | undefined

  /**
   * Makes a system that is ready; no thread starts yet.
   *
   * @throws {InvalidOptionError} for an option that can't be used: which, what was expected, and what came
   */
  constructor(options: SystemOptions<T, R>)
  constructor(options: BatchedSystemOptions<T, R>)
  constructor(options: SystemOptions<T, R> | BatchedSystemOptions<T, R>) {
    const plan = planSystem(options)
    this.#engine = new Engine(plan)
    this.#channel = plan.channel
  }

  /**
   * Starts producers and consumers. Waits until they run.
   *
   * Rejects with `StateError` where it was started, stopped or aborted before.
   */
  async start(): Promise<void> {
    return this.#engine.start()
  }

  /**
   * Hands nothing more to handlers; what they have they finish. Producers go on until the channel is full. Does not
   * wait.
   *
   * @throws {StateError} unless it is running or paused: one whose source ends drains by itself, also between a look at
   * `stats().state` and this call
   */
  pause(): void {
    this.#engine.pause()
  }

  /**
   * Goes on after `pause`.
   *
   * @throws {StateError} unless it is running or paused
   */
  resume(): void {
    this.#engine.resume()
  }

  /**
   * Waits until everything that was sent so far is settled. The system goes on. What is still in a `channel` that the
   * system was given, or in one that is its source, does not count.
   */
  async idle(options: WaitOptions = {}): Promise<void> {
    const limits = checkWait(options)
    throwIfAborted(limits.signal)
    let takeBack = (): void => {}
    return waitFor<void>(
      {
        name: 'idle()',
        begin: (resolve) => {
          this.#engine.beHeld()
          this.#engine.sender.flush()
          takeBack = this.#engine.liveness.whenIdle(resolve)
        },
        cancel: (reason) => {
          takeBack()
          return { reason }
        },
      },
      limits,
    )
  }

  /**
   * Ends production, then waits until everything queued, waiting and in a handler's hands is settled, and gives the
   * report. Later calls give the same promise, and one that is harsher hastens it: a shorter time-out, or an abort.
   *
   * Before the start, and with a module before `start()` has resolved, nobody is there to handle anything: what was sent
   * then comes back in the report's `unprocessed`, its `run()` rejects, and so does the `start()` under way.
   *
   * A handler must not await it, because it waits for that very handler: `ctx.stop()` is for handlers.
   *
   * Rejects with `SourceError` where the source failed.
   *
   * @throws {InvalidOptionError} for an option that can't be used
   */
  stop(options: StopOptions = {}): Promise<Report<T>> {
    checkOptions('options', options, ['timeout', 'drain'])
    const { timeout, drain = true } = options
    if (timeout !== undefined) checkMs('timeout', timeout)
    if (checkBoolean('drain', drain)) this.#engine.stop(timeout)
    else this.#engine.abort(new Error('it was stopped without draining'))
    return this.#engine.finished
  }

  /**
   * Breaks off now. What was queued comes back in the report's `unprocessed`; what handlers have becomes dead letters
   * with the reason `aborted`; everything that waits rejects with `AbortedError`, whose cause is `reason`.
   */
  abort(reason: unknown = new Error('no reason was given')): Promise<Report<T>> {
    this.#engine.abort(reason)
    return this.#engine.finished
  }

  /**
   * The end, however it comes: a finite source ran out, or `stop` or `abort` is through. It gives the report, or
   * rejects with `SourceError`. Nobody has to wait for it: it never becomes an unhandled rejection.
   */
  get finished(): Promise<Report<T>> {
    this.#engine.beAwaited()
    return this.#engine.finished
  }

  /**
   * Sends an item: the value at the moment of the call. Waits while the channel is full, behind earlier sends.
   * Before the start, items queue.
   *
   * What structured clone can copy arrives as its copy would. A Buffer arrives as a `Uint8Array`; received bytes may
   * share their `ArrayBuffer` with other items, so to transfer them take a `slice()`.
   *
   * Rejects with `UncloneableError` for what can't travel, `ClosedError` after a stop, `AbortedError` after an abort,
   * `FullError` where `maxWaiting` sends wait already, and as `options` say; the item is then not in the channel.
   */
  send(item: T, options?: ItemSendOptions): Promise<void> {
    return this.#channel ? this.#channel.send(item, options) : this.#engine.sender.send(item, options)
  }

  /**
   * Sends an item if there is room for it now. False only where the channel is full, or earlier sends wait. Never
   * waits.
   *
   * @throws {UncloneableError} for what can't travel
   * @throws {ClosedError} after a stop
   * @throws {AbortedError} after an abort
   */
  trySend(item: T, options?: MarkOptions): boolean {
    if (!this.#channel) return this.#engine.sender.trySend(item, options)
    if (this.#channel instanceof Channel) return this.#channel.trySend(item, options)
    throw new StateError(
      'trySend(): expected a system with a Channel or one of its own, got one with another channel',
    )
  }

  /**
   * Sends all of `items`, in order, as `send` does and for much less an item. There may be more than the channel
   * holds. Everything is encoded first, so where one item can't travel, none is sent.
   *
   * An error midway has `accepted`: how many items, from the first on, were sent.
   */
  sendMany(items: readonly T[], options?: ItemSendOptions): Promise<void> {
    return this.#channel
      ? this.#channel.sendMany(items, options)
      : this.#engine.sender.sendMany(items, options)
  }

  /**
   * Sends an item and waits for its result, which comes here and not to `results()`.
   *
   * Rejects with the handler's error, and as `send` does. Where `options` end the wait, an item that is in the
   * channel already is handled all the same, and its result dropped.
   */
  run(item: T, options?: ItemSendOptions): Promise<R> {
    this.#engine.beAwaited()
    return this.#engine.sender.run(item, options)
  }

  /**
   * The results, in the order in which they come, to be iterated once. To be called before the start, unless the
   * system was made with `results: true`. A reader that is slow slows the consumers; one that breaks off ends the
   * collection. The iteration ends with the system, and throws `AbortedError` after an abort.
   *
   * @throws {StateError} where it is too late, or for a second call
   */
  results(): AsyncIterableIterator<R, undefined, undefined> {
    return this.#engine.readResults()
  }

  /** A snapshot of what the system did and does. Costs nothing while it is not called. */
  stats(): SystemStats {
    return this.#engine.stats()
  }

  /**
   * The dead letters that are kept: to be looked at, sent again, or thrown away.
   *
   * ```ts
   * for (const { item, error } of system.deadLetters) console.error(item, error)
   * await system.deadLetters.redrive(({ reason }) => reason === 'timeout')
   * ```
   */
  get deadLetters(): DeadLetters<T> {
    return this.#engine.letters
  }

  /** Calls `listener` whenever `event` happens. */
  on<E extends SystemEvent>(event: E, listener: SystemListener<T, E>): this {
    return this.#listen('on', event, listener)
  }

  /** Calls `listener` when `event` happens next. */
  once<E extends SystemEvent>(event: E, listener: SystemListener<T, E>): this {
    return this.#listen('once', event, listener)
  }

  /** Takes back what `on` or `once` did. */
  off<E extends SystemEvent>(event: E, listener: SystemListener<T, E>): this {
    return this.#listen('off', event, listener)
  }

  /** Stops, and waits for it: for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #listen<E extends SystemEvent>(how: 'on' | 'once' | 'off', event: E, listener: SystemListener<T, E>): this {
    checkChoice('event', event, SYSTEM_EVENTS)
    if (typeof listener !== 'function') throw new InvalidOptionError('listener', 'a function', listener)
    this.#engine.events[how](event, listener)
    this.#engine.watch()
    this.#engine.beAwaited()
    return this
  }
}
