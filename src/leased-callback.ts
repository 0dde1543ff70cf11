/**
 * The consumer that is a JavaScript function whose items are settled one by one: they may be tried again, have a limit of
 * time, or come in batches. It takes no item that it has no free consumer for.
 */

import { performance } from 'node:perf_hooks'
import { type BatchPlan, ItemFailure, outcomesOf, outcomesOfThrown } from './batch.js'
import { Take } from './binding.js'
import type { CallbackSystem } from './callback.js'
import { Chunk } from './chunk.js'
import type { Context, HandlerFunction } from './context.js'
import { HandlerTimeoutError } from './errors.js'
import { toFailure } from './failure.js'
import { type ContextOwner, type ContextSystem, contextOf, type HandlerContext } from './handler-context.js'
import { Label } from './labels.js'
import { binding } from './native.js'
import { judge, type RetryIf } from './retry.js'
import type { Settle } from './sink.js'
import { isThenable } from './thenable.js'
import { immediately, inNextTurn, Pace } from './turn.js'
import type { SendOptions } from './wait.js'

/** How items are handed over. */
export interface LeasedPlan {
  /** How many an item has at the most. */
  readonly attempts: number
  readonly retryIf: RetryIf | undefined
  /** ms, of one execution. */
  readonly handlerTimeout: number | undefined
  readonly batch: BatchPlan | undefined
}

/** What calls the handler and sends what it gives; with a batch, but for results that someone waits for. */
export type SendingCall<T> = (
  argument: T,
  context: HandlerContext<T>,
  isKept: (index: number) => boolean,
  settle: Settle,
) => unknown

/** What such a consumer needs to know of its system, beside what any callback does. */
export interface LeasedSystem<T, R> extends CallbackSystem<T, R> {
  /** An attempt failed; `delay` in ms where there will be another. */
  attemptFailed(item: T, error: unknown, attempt: number, delay: number | undefined): void
}

/** An item in hand. */
interface Leased<T> {
  readonly item: T
  readonly number: number
  readonly attempt: number
  readonly tag: number
  readonly label: Label | undefined
}

/** One call of the handler. */
class Execution<T> implements ContextOwner<T>, ContextSystem<T> {
  readonly prefix = ''
  readonly system = this
  readonly attempt: number
  /**
   * Where attempts have a limit. A signal of its own, and not one that follows the system's by `AbortSignal.any`: the system's
   * would keep that, and all that listens to it, for as long as there is a system.
   */
  readonly controller: AbortController | undefined
  timer: NodeJS.Timeout | undefined
  expired = false
  over = false
  /** Whether its results go into a channel. */
  sending = false
  readonly worker: number
  readonly sequence: number
  readonly items: readonly Leased<T>[]
  /** Those that are settled before the others. */
  readonly settled = new Set<Leased<T>>()
  readonly #outer: ContextSystem<T>

  constructor(
    worker: number,
    sequence: number,
    items: readonly Leased<T>[],
    outer: ContextSystem<T>,
    timed: boolean,
  ) {
    this.worker = worker
    this.sequence = sequence
    this.items = items
    this.attempt = (items[0] as Leased<T>).attempt
    this.#outer = outer
    this.controller = timed ? new AbortController() : undefined
  }

  get left(): readonly Leased<T>[] {
    return this.settled.size === 0 ? this.items : this.items.filter((leased) => !this.settled.has(leased))
  }

  get signal(): AbortSignal {
    return this.controller?.signal ?? this.#outer.signal
  }

  sendFrom(_consumer: object | undefined, item: T, options?: SendOptions): Promise<void> {
    return this.#outer.sendFrom(this.over ? undefined : this, item, options)
  }

  requestStop(): void {
    this.#outer.requestStop()
  }
}

const then = Promise.prototype.then
/** The most items between two looks at the clock. */
const STRIDE = 8

export class LeasedCallback<T, R> {
  readonly #system: LeasedSystem<T, R>
  readonly #handler: HandlerFunction<T, R>
  readonly #sending: SendingCall<T> | undefined
  readonly #plan: LeasedPlan
  readonly #chunk = new Chunk()
  readonly #pace = new Pace(STRIDE)
  readonly #row = new Float64Array(3)
  readonly #free: number[]
  readonly #running = new Set<Execution<T>>()
  /** The batch that is being gathered. */
  #batch: Leased<T>[] = []
  #within: NodeJS.Timeout | undefined
  /** Results that those under way will bring. */
  #expected = 0
  #sequence = 0
  #bounded = true
  #paused = true
  #breathing = false
  #working = false
  #broken = false
  #givingUp = false
  /** What the handler is being called for. */
  #calling: Execution<T> | undefined
  #drained = false
  #waits = false
  #over = false

  constructor(
    system: LeasedSystem<T, R>,
    handler: HandlerFunction<T, R>,
    sendWith: ((handler: HandlerFunction<T, R>) => SendingCall<T>) | undefined,
    plan: LeasedPlan,
  ) {
    this.#system = system
    this.#handler = handler
    this.#sending = sendWith?.((argument, context) => this.#callToSend(argument, context))
    this.#plan = plan
    this.#free = Array.from({ length: system.consumers }, (_, index) => system.consumers - 1 - index)
  }

  /** Hands over what there is, as far as consumers and the readers of outcomes allow. Never waits. */
  work(): void {
    if (this.#working || this.#over) return
    this.#working = true
    while (this.#mayTake()) {
      const leased = this.#take()
      if (leased === undefined) break
      this.#batch.push(leased)
      if (this.#batch.length >= this.#size) this.#handOver()
      if (this.#pace.turnIsDue()) this.#breathe()
    }
    // Production is over: what is gathered is not to wait for more, which would wait for it to be settled.
    const isOver = !this.#bounded && !this.#broken && !this.#breathing
    if (isOver && this.#batch.length > 0 && this.#free.length > 0) this.#handOver()
    this.#working = false
    if (this.#batch.length > 0 && !this.#paused)
      this.#within ??= setTimeout(() => this.#waitedLong(), this.#plan.batch?.within ?? 0)
    this.#rest()
  }

  pause(paused: boolean): void {
    this.#paused = paused
    if (!paused) this.work()
  }

  drain(): void {
    this.#bounded = false
    this.pause(false)
  }

  breakOff(): void {
    this.#broken = true
    const { reason } = this.#system.signal
    for (const { controller } of [...this.#running]) controller?.abort(reason)
    if (!this.#working) this.#rest()
  }

  handlerWaits(): void {
    this.#waits = true
  }

  /** Everything is told at once. */
  report(): boolean {
    return false
  }

  /** How many calls of the handler are under way, or about to be. */
  get underWay(): number {
    return this.#running.size + (this.#batch.length > 0 ? 1 : 0)
  }

  get #size(): number {
    return this.#plan.batch?.size ?? 1
  }

  #mayTake(): boolean {
    if (this.#paused || this.#breathing || this.#broken || this.#drained || this.#free.length === 0)
      return false
    const { results, capacity, letterRoom } = this.#system
    if (!this.#bounded) return true
    if (letterRoom <= this.#expected + this.#batch.length) return false
    return (
      results === undefined ||
      results.ended ||
      results.length + this.#expected + this.#batch.length < capacity
    )
  }

  #take(): Leased<T> | undefined {
    const { handle } = this.#system
    const count = binding.takeLeasedItem(handle, this.#chunk.memory, this.#row)
    if (count === Take.Ended) this.#drained = true
    else if (count === Take.Aborted && !this.#broken) this.#system.breakOff()
    if (count <= 0) return undefined
    const [item] = this.#chunk.decode(1, () => binding.takeLargeLeasedItem(handle), []) as unknown as [T]
    const [number, attempt, tag] = this.#row as unknown as [number, number, number]
    const label = this.#chunk.labeled ? binding.leasedItemLabel(handle, number) : null
    return { item, number, attempt, tag, label: label ? new Label(label) : undefined }
  }

  #waitedLong(): void {
    this.#within = undefined
    if (this.#batch.length > 0 && this.#free.length > 0 && !this.#broken && !this.#paused) this.#handOver()
    this.work()
  }

  /** Calls the handler with what was gathered. */
  #handOver(): void {
    clearTimeout(this.#within)
    this.#within = undefined
    const items = this.#batch
    this.#batch = []
    const worker = this.#free.pop() as number
    const { handlerTimeout, batch } = this.#plan
    const execution = new Execution(worker, this.#sequence, items, this.#system, handlerTimeout !== undefined)
    this.#sequence += items.length
    this.#running.add(execution)
    this.#expected += items.length
    if (batch) binding.beginLeasedBatch(this.#system.handle, items[0]?.number as number, items.length)
    const began = performance.now()
    let settle: () => void
    try {
      const isRun = (index: number): boolean => items[index]?.tag !== 0
      execution.sending = this.#sending !== undefined && (batch !== undefined || !isRun(0))
      const argument = (batch ? items.map(({ item }) => item) : items[0]?.item) as T
      const context = contextOf<T>(execution, execution.sequence, batch ? undefined : items[0]?.label)
      if (execution.sending) this.#calling = execution
      const result = execution.sending
        ? this.#sending?.(argument, context, isRun, (index, outcome) =>
            this.#settleEarly(execution, index, outcome),
          )
        : this.#handler(argument, context)
      if (isThenable(result)) {
        if (execution.over) {
          // The handler itself has broken the system off.
          void Promise.resolve(result).catch(() => {})
          return
        }
        if (handlerTimeout !== undefined) this.#limit(execution, handlerTimeout)
        const promise = result instanceof Promise ? result : Promise.resolve(result)
        then.call(
          promise,
          (value) => {
            const sent = execution.sending && (!batch || execution.left.length === 0)
            this.#ended(execution, sent, () => this.#succeeded(execution, value))
          },
          (error) => this.#ended(execution, false, () => this.#failed(execution, error)),
        )
        return
      }
      settle = () => this.#succeeded(execution, result)
    } catch (error) {
      settle = () => this.#failed(execution, error)
    }
    if (execution.over) return
    execution.expired = handlerTimeout !== undefined && performance.now() - began > handlerTimeout
    this.#leave(execution)
    this.#undisturbed(settle)
  }

  /**
   * Calls `settle`, which settles items one after the other. A listener that hears of one may make room for others, or break
   * the system off: neither is to end this before all are settled, and told of.
   */
  #undisturbed(settle: () => void): void {
    const working = this.#working
    this.#working = true
    try {
      settle()
    } finally {
      this.#working = working
    }
  }

  /** The handler, where its results are sent on. The limit is of its own time, and not of what the sends wait. */
  async #callToSend(argument: T, context: Context<T>): Promise<R> {
    const execution = this.#calling as Execution<T>
    const { handlerTimeout = Number.POSITIVE_INFINITY } = this.#plan
    const began = performance.now()
    try {
      const result = (await this.#handler(argument, context)) as R
      if (!execution.expired && performance.now() - began <= handlerTimeout) return result
    } catch (error) {
      if (!execution.expired && performance.now() - began <= handlerTimeout) throw error
    } finally {
      clearTimeout(execution.timer)
    }
    execution.expired = true
    throw timeoutError(handlerTimeout)
  }

  #limit(execution: Execution<T>, ms: number): void {
    execution.timer = setTimeout(() => {
      execution.expired = true
      execution.controller?.abort(timeoutError(ms))
    }, ms)
  }

  /**
   * A promise is settled. The first settlement wins: after a break its items are settled already, or about to be.
   *
   * @param sent - whether its result is in a channel
   */
  #ended(execution: Execution<T>, sent: boolean, settle: () => void): void {
    if (execution.over || (this.#givingUp && !sent)) return
    this.#leave(execution)
    this.#undisturbed(settle)
    this.work()
  }

  /** One item's result is in its channel, or will not be; the others are still under way. */
  #settleEarly(execution: Execution<T>, index: number, outcome: unknown): void {
    if (execution.over || (this.#givingUp && ItemFailure.is(outcome))) return
    const leased = execution.items[index] as Leased<T>
    execution.settled.add(leased)
    this.#expected--
    this.#undisturbed(() => this.#settle(leased, outcome))
    // Room that was kept for it may be free.
    this.work()
  }

  #leave(execution: Execution<T>): void {
    clearTimeout(execution.timer)
    execution.over = true
    this.#running.delete(execution)
    this.#expected -= execution.items.length - execution.settled.size
    this.#free.push(execution.worker)
    if (this.#waits) this.#waits = this.#system.handlerEnded(execution)
  }

  #succeeded(execution: Execution<T>, value: unknown): void {
    const { items } = execution
    if (execution.expired) {
      this.#failed(execution, undefined)
      return
    }
    // Each is settled.
    if (this.#plan.batch && execution.sending) return
    if (!this.#plan.batch) {
      this.#processed(items[0] as Leased<T>, value as R)
      return
    }
    const outcomes = outcomesOf(value, items.length, (index) => this.#isWanted(items, index))
    for (const [index, leased] of items.entries()) this.#settle(leased, outcomes[index])
  }

  #isWanted(items: readonly Leased<T>[], index: number): boolean {
    return this.#system.results !== undefined || items[index]?.tag !== 0
  }

  #settle(leased: Leased<T>, outcome: unknown): void {
    if (ItemFailure.is(outcome)) this.#fail(leased, outcome.error)
    else this.#processed(leased, outcome as R)
  }

  #processed(leased: Leased<T>, result: R): void {
    binding.settleLeasedItem(this.#system.handle, leased.number)
    if (leased.tag !== 0) this.#system.runs.resolve(leased.tag, result)
    else this.#system.results?.push(result)
  }

  #failed(execution: Execution<T>, thrown: unknown): void {
    const { items, left, expired } = execution
    const { batch, handlerTimeout } = this.#plan
    if (expired || !batch || execution.sending) {
      const error = expired ? timeoutError(handlerTimeout as number) : thrown
      for (const leased of left) this.#fail(leased, error)
      return
    }
    const outcomes = outcomesOfThrown(thrown, items.length, (index) => this.#isWanted(items, index))
    for (const [index, leased] of items.entries()) this.#settle(leased, outcomes[index])
  }

  #fail({ item, number, attempt, tag }: Leased<T>, thrown: unknown): void {
    const { error, unrecoverable } = judge(thrown, attempt, this.#plan.attempts, this.#plan.retryIf)
    const failure = { ...toFailure(error), unrecoverable }
    const fate = binding.failLeasedItem(this.#system.handle, number, failure)
    if (!fate) return
    this.#system.attemptFailed(item, error, attempt, fate.delay)
    if (fate.delay !== undefined) return
    const { attempts, deaths, firstAt, lastAt } = fate
    if (tag !== 0) this.#system.runs.reject(tag, error)
    this.#system.bury({ item, error, attempts, deaths, firstAt, lastAt, reason: 'failed' })
  }

  #rest(): void {
    if (this.#over) return
    if (this.#broken) this.#giveUpSoon()
    else if (this.#drained && this.#running.size === 0 && this.#batch.length === 0) this.#end()
  }

  #giveUpSoon(): void {
    if (this.#sending === undefined || this.#running.size === 0) {
      this.#giveUp()
      return
    }
    if (this.#givingUp) return
    this.#givingUp = true
    // As in callback.ts.
    immediately(() => {
      if (!this.#over) this.#giveUp()
    })
  }

  #breathe(): void {
    this.#breathing = true
    inNextTurn(() => {
      this.#breathing = false
      this.work()
    })
  }

  #giveUp(): void {
    this.#undisturbed(() => this.#giveUpAll())
    this.#end()
  }

  #giveUpAll(): void {
    const { reason, error } = this.#system.breakReason()
    const held = [...this.#running].flatMap((execution) => {
      this.#leave(execution)
      return execution.left.map((leased) => ({ ...leased, begun: 1 }))
    })
    // These never went to the handler.
    held.push(...this.#batch.map((leased) => ({ ...leased, begun: 0 })))
    this.#batch = []
    clearTimeout(this.#within)
    for (const { item, number, tag, begun } of held) {
      const failure = { ...toFailure(error), unrecoverable: true }
      const fate = binding.failLeasedItem(this.#system.handle, number, failure)
      if (!fate) continue
      const { deaths, firstAt, lastAt } = fate
      if (tag !== 0) this.#system.runs.reject(tag, error)
      this.#system.bury({ item, error, attempts: fate.attempts - 1 + begun, deaths, firstAt, lastAt, reason })
    }
  }

  #end(): void {
    this.#over = true
    binding.endLeasedItems(this.#system.handle)
  }
}

function timeoutError(ms: number): HandlerTimeoutError {
  return new HandlerTimeoutError(`expected the attempt to end within ${ms} ms (handlerTimeout)`)
}
