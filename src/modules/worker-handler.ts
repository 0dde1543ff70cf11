/**
 * A handler module's function, in its worker: it takes items ahead, and calls the function with one at a time; or it gathers
 * them, and calls it with a batch.
 */

import { performance } from 'node:perf_hooks'
import { threadId } from 'node:worker_threads'
import { type BatchPlan, ItemFailure, outcomesOf, outcomesOfThrown } from '../batch.js'
import { Take } from '../binding.js'
import type { ItemSendOptions } from '../channel/send-options.js'
import { CHUNK_ITEMS, Chunk, Header } from '../chunk.js'
import { sendUnlessStuck, stuckRefusal } from '../deadlock.js'
import { environmentHandle, forget, listenTo, release } from '../environment.js'
import { HandlerTimeoutError } from '../errors.js'
import { toFailure } from '../failure.js'
import { type ContextOwner, type ContextSystem, HandlerContext, withLabels } from '../handler-context.js'
import { Labels } from '../labels.js'
import { binding } from '../native.js'
import { judge, type RetryIf } from '../retry.js'
import type { Sender } from '../sender.js'
import { isThenable } from '../thenable.js'
import { doneInTurn, immediately, inNextTurn, recently, turnIsDue } from '../turn.js'
import { throwIfAborted } from '../wait.js'
import { toThrownFailure } from './failure.js'
import type { AnyFunction } from './load.js'
import type { FromWorker, WorkerStart } from './messages.js'
import { Outbox } from './outbox.js'
import { openSender } from './way-in.js'

/** ms that a chunk of items is to take. What is ahead can be taken away by idle workers, results noted can not. */
const CHUNK_MS = 0.25
/** Low half of the claim word: how many were claimed; high half: up to which that is allowed. */
const CLAIMED = 0xffff

/** Items that are handled together. */
interface Gathered {
  items: unknown[]
  /** Whether a caller of `run()` waits for each. */
  isRun: boolean[]
  attempt: number
  collecting: boolean
}

export class WorkerHandler implements ContextOwner<unknown>, ContextSystem<unknown> {
  readonly worker: number
  readonly prefix: string
  readonly system = this
  sequence = -1
  attempt = 1
  readonly #start: WorkerStart
  #handler: AnyFunction
  /** What is called in its place where a result goes elsewhere, other than to a caller of `run`. */
  #sending: AnyFunction | undefined
  readonly #tell: (message: FromWorker) => void
  readonly #chunk = new Chunk()
  readonly #outbox = new Outbox()
  readonly #claims = new Uint32Array(1)
  readonly #retryIf: RetryIf | undefined
  readonly #breaking = new AbortController()
  /** Of the attempt under way, where attempts have a limit. */
  #timed: AbortController | undefined
  readonly #sender: Sender<unknown, unknown>
  readonly #port: number
  /** How many sends of the item in hand count as waiting. */
  #waits = 0
  #handle = 0
  /** How many items to take at once. */
  #most = 1
  #wake: (() => void) | undefined
  #reporting = false
  /** Whether nothing is handed over that was gathered. */
  #paused = false
  /** Whether nothing is to be waited for to go together. */
  #draining = false
  /** Whether a result is on its way into its channel. */
  #sends = false
  #broken = false
  #over = false

  constructor(
    start: WorkerStart,
    handler: AnyFunction,
    retryIf: RetryIf | undefined,
    tell: (message: FromWorker) => void,
    sendWith?: (handler: AnyFunction) => AnyFunction,
  ) {
    this.#start = start
    this.worker = start.index
    // A worker in a dead one's place counts anew.
    this.prefix = `${start.index}.${threadId}.`
    this.#handler = this.#limited(handler)
    this.#retryIf = retryIf
    // The limit is of the handler's own time, and not of what the sends wait.
    this.#sending = sendWith?.(this.#handler)
    this.#tell = tell
    const { sender, port } = openSender<unknown>(start.system, start, () => this.#flush())
    this.#sender = sender
    this.#port = port
  }

  get signal(): AbortSignal {
    return (this.#timed ?? this.#breaking).signal
  }

  begin(): void {
    const { system, index } = this.#start
    const { memory } = this.#chunk
    const handle = binding.attachWorker(
      environmentHandle(),
      system,
      index,
      threadId,
      memory,
      this.#outbox.memory,
      this.#claims,
    )
    if (handle === null) {
      this.#end()
      return
    }
    this.#handle = handle
    listenTo(handle, { noticed() {}, itemsReady: () => this.#wakeUp(), resultsReady() {} })
    void (this.#start.batch ? this.#runBatches(this.#start.batch) : this.#run())
  }

  pause(paused: boolean): void {
    this.#paused = paused
    this.#wakeUp()
  }

  end(): void {
    this.#draining = true
    this.#paused = false
    this.#wakeUp()
  }

  breakOff(reason: unknown): void {
    this.#broken = true
    this.#breaking.abort(reason)
    this.#timed?.abort(reason)
    // The signal has ended a send that waits. One that was in by then is through with this turn's microtasks.
    if (this.#sends) immediately(() => this.#end())
    else this.#end()
    this.#wakeUp()
  }

  // What handlers ask and tell.

  async sendFrom(
    consumer: object | undefined,
    item: unknown,
    options: ItemSendOptions | undefined,
  ): Promise<void> {
    const checked = this.#sender.check(options)
    if (consumer === undefined) return this.#sender.sendChecked(item, checked)
    throwIfAborted(checked.signal)
    if (this.#sender.trySendChecked(item, checked)) return doneInTurn()
    const { count } = this.#start
    if (!binding.beginWait(this.#port)) throw stuckRefusal(count)
    const { sequence } = this
    this.#waits++
    try {
      await sendUnlessStuck(
        (limits) => this.#sender.sendChecked(item, limits),
        checked,
        // Where its handler is through, it holds up nobody, and whoever waits there now is not to be taken for it.
        () => this.sequence === sequence && this.#waits > 0 && binding.endWaitIfStuck(this.#port),
        () => stuckRefusal(count),
      )
    } finally {
      if (this.sequence === sequence && this.#waits > 0) this.#endWait()
    }
  }

  /** The item in hand has left the channel, which does not know that before a call. */
  #flush(): boolean {
    if (this.#over) return false
    binding.reportWork(this.#handle)
    return true
  }

  requestStop(): void {
    this.#tell({ type: 'stop' })
  }

  // The work.

  async #run(): Promise<void> {
    while (!this.#over) {
      const count = binding.takeWork(this.#handle, this.#most, false)
      if (count > 0) await (this.#chunk.labeled ? this.#handleLabeledChunk(count) : this.#handleChunk(count))
      else if (count === Take.Nothing) await this.#woken()
      else break
    }
    this.#end()
  }

  /** Waits until there may be items, or for `ms` at most. */
  #woken(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#wakeUp(), ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #runBatches(plan: BatchPlan): Promise<void> {
    while (!this.#over) {
      const batch = await this.#gather(plan)
      if (batch === undefined) break
      await this.#handleBatch(batch)
      if (turnIsDue()) await new Promise<void>(inNextTurn)
    }
    this.#end()
  }

  /** The next batch; undefined at the end. Each of its items is claimed as soon as it is there. */
  async #gather({ size, within }: BatchPlan): Promise<Gathered | undefined> {
    const { header, tags } = this.#chunk
    const batch: Gathered = { items: [], isRun: [], attempt: 1, collecting: false }
    let until = Number.POSITIVE_INFINITY
    while (!this.#over && batch.items.length < size) {
      const begun = batch.items.length > 0
      const count = binding.takeWork(this.#handle, Math.min(size - batch.items.length, CHUNK_ITEMS), begun)
      if (count > 0) {
        const items = this.#chunk.decode(count, () => binding.takeLargeWork(this.#handle))
        for (let index = 0; index < count && this.#claim(); index++) {
          batch.items.push(items[index])
          batch.isRun.push(this.#chunk.tagged && tags[index] !== 0)
        }
        batch.attempt = header[Header.Attempt] as number
        batch.collecting = header[Header.Collecting] !== 0
        if (batch.attempt > 1) break
        if (!begun) until = performance.now() + within
      } else if (count === Take.Nothing) {
        const left = until - performance.now()
        const waits = !begun || this.#paused
        if (!waits && (this.#draining || left <= 0)) break
        await this.#woken(waits ? undefined : left)
      } else if (count === Take.Alone) break
      else return undefined
    }
    return this.#over ? undefined : batch
  }

  async #handleBatch({ items, isRun, attempt, collecting }: Gathered): Promise<void> {
    if (items.length === 0) return
    const began = performance.now()
    this.attempt = attempt
    this.sequence += items.length
    const isKept = (index: number): boolean => isRun[index] as boolean
    const isWanted = (index: number): boolean => collecting || isKept(index)
    const settle = (index: number, outcome: unknown): void => {
      if (this.#over) return
      if (!ItemFailure.is(outcome)) this.#settleOrFail(outcome, isWanted(index))
      else if (this.#broken) this.#giveUp()
      else this.#fail(outcome.error)
      if (this.#outbox.full) binding.reportWork(this.#handle)
    }
    const context = new HandlerContext<unknown>(this, this.sequence)
    if (this.#sending) {
      this.#sends = true
      await this.#sending(items, context, isKept, settle)
      this.#sends = false
    } else {
      const outcomes = await this.#outcomesOf(items, context, isWanted)
      for (const [index, outcome] of outcomes.entries()) settle(index, outcome)
    }
    if (this.#over) return
    while (this.#waits > 0) this.#endWait()
    const took = performance.now() - began
    this.#outbox.noteTimes(took, took / items.length)
  }

  async #outcomesOf(
    items: unknown[],
    context: HandlerContext<unknown>,
    isWanted: (index: number) => boolean,
  ): Promise<readonly unknown[]> {
    try {
      return outcomesOf(await this.#handler(items, context), items.length, isWanted)
    } catch (error) {
      return outcomesOfThrown(error, items.length, isWanted)
    }
  }

  #settleOrFail(result: unknown, wanted: boolean): void {
    try {
      this.#settle(result, wanted)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #handleChunk(count: number): Promise<void> {
    const { header, tags, tagged } = this.#chunk
    const handler = this.#handler
    const sending = this.#sending ?? handler
    const began = performance.now()
    const items = this.#chunk.decode(count, () => binding.takeLargeWork(this.#handle))
    this.attempt = header[Header.Attempt] as number
    const collecting = header[Header.Collecting] !== 0
    let done = 0
    let reported = began
    while (done < count && this.#claim()) {
      this.sequence++
      const run = tagged && tags[done] !== 0
      const wanted = collecting || run
      const call = run ? handler : sending
      try {
        let result = call(items[done], new HandlerContext<unknown>(this, this.sequence))
        if (isThenable(result)) {
          this.#reportSoon()
          this.#sends = call === this.#sending
          result = await result
          this.#sends = false
        }
        if (this.#over) return
        this.#settle(result, wanted)
      } catch (error) {
        this.#sends = false
        if (this.#over || this.#broken) return
        this.#fail(error)
      }
      while (this.#waits > 0) this.#endWait()
      if (++done === count) break
      if (this.#broken) return
      // What is done is not to wait behind what may take long. Where that comes at once, the native side looks.
      const due = turnIsDue()
      if (recently() - reported > CHUNK_MS || this.#outbox.full) {
        binding.reportWork(this.#handle)
        reported = recently()
      }
      if (due) {
        await new Promise<void>(inNextTurn)
        if (this.#over) return
      }
    }
    const took = performance.now() - began
    if (done > 0) this.#outbox.noteTimes(took, took / done)
    this.#adapt(done, took)
  }

  /**
   * V8 compiles a handler into the loop that calls it, and a handler of a millisecond ran a fifth slower for one branch more
   * there. What labels need is therefore around the handler.
   */
  async #handleLabeledChunk(count: number): Promise<void> {
    const handler = this.#handler
    const sending = this.#sending
    const labels = new Labels(binding.takeWorkLabels(this.#handle), this.sequence + 1)
    this.#handler = withLabels(handler, labels) as AnyFunction
    if (sending) this.#sending = withLabels(sending, labels) as AnyFunction
    await this.#handleChunk(count)
    this.#handler = handler
    this.#sending = sending
  }

  /** The same function, but its call fails once it is over where that took longer than the limit. */
  #limited(call: AnyFunction): AnyFunction {
    if (!this.#start.limit) return call
    const { ms, since } = this.#start.limit
    return async (...args: unknown[]): Promise<unknown> => {
      const error = new HandlerTimeoutError(`expected the attempt to end within ${ms} ms (handlerTimeout)`)
      const controller = new AbortController()
      this.#timed = controller
      const timer = setTimeout(() => controller.abort(error), ms)
      const began = performance.now()
      // Timers may be a little early, and where the thread is blocked they don't come.
      const isLate = (): boolean => controller.signal.aborted || performance.now() - began > ms
      Atomics.store(since, this.worker, process.hrtime.bigint())
      try {
        const result = await call(...args)
        if (isLate()) throw error
        return result
      } catch (thrown) {
        throw isLate() ? error : thrown
      } finally {
        Atomics.store(since, this.worker, 0n)
        clearTimeout(timer)
        this.#timed = undefined
      }
    }
  }

  /** Whether the next item is this worker's: an idle one may have taken it away. */
  #claim(): boolean {
    const claims = Atomics.add(this.#claims, 0, 1)
    return (claims & CLAIMED) < claims >>> 16
  }

  #settle(result: unknown, wanted: boolean): void {
    if (!wanted) {
      this.#outbox.noteNoResult()
      return
    }
    const large = this.#outbox.noteResult(result)
    if (large) binding.settleLargeWork(this.#handle, large.kind, large.bytes, large.length)
  }

  /** The result of this item was not in its channel when the system broke off, but that of a later one may have been. */
  #giveUp(): void {
    binding.failWork(this.#handle, { ...toFailure(this.#breaking.signal.reason), unrecoverable: true })
  }

  #fail(error: unknown): void {
    // Attempts whose worker died count here and not there: the native side knows which is the last.
    const judged = judge(error, this.attempt, Number.POSITIVE_INFINITY, this.#retryIf)
    binding.failWork(this.#handle, {
      ...toThrownFailure(judged.error),
      unrecoverable: judged.unrecoverable,
    })
  }

  /** What is done does not wait for a promise that takes longer than this turn. */
  #reportSoon(): void {
    // Where items are taken one at a time, the native side may hold the results of earlier ones back.
    if (this.#reporting || (this.#outbox.count === 0 && this.#most > 1)) return
    this.#reporting = true
    immediately(() => {
      this.#reporting = false
      if (!this.#over) binding.reportWork(this.#handle)
    })
  }

  #adapt(done: number, took: number): void {
    if (took > CHUNK_MS) this.#most = Math.max(1, Math.floor((done * CHUNK_MS) / took))
    else if (done >= this.#most) this.#most = Math.min(this.#most * 2, CHUNK_ITEMS)
  }

  #endWait(): void {
    if (--this.#waits === 0) binding.endWait(this.#port)
    // One that was refused no longer counted, but this consumer waits for others, too.
    else binding.beginWait(this.#port)
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    if (this.#handle !== 0) {
      forget(this.#handle)
      binding.endWork(this.#handle)
    }
    this.#tell({ type: 'ended' })
    release()
  }
}
