/** The workers of a system whose handler is a module: started together, replaced when they die, ended with it. */

import type { BatchPlan } from '../batch.js'
import type { ChannelToken } from '../channel/token.js'
import { HandlerTimeoutError, ModuleError, messageOf } from '../errors.js'
import { binding } from '../native.js'
import type { FromWorker, WorkerStart } from './messages.js'
import type { ModulePlan } from './module.js'
import { packThrown } from './thrown.js'
import { WorkerThread } from './worker-thread.js'

/** What a pool needs to know of its system. */
export interface PoolSystem {
  readonly handle: number
  readonly consumers: number
  readonly capacity: number
  readonly maxWaiting: number
  readonly priorities: number
  /** How many items the consumer has processed. */
  processedBy(consumer: number): number
  requestStop(): void
  /** A worker's thread has exited, by its `threadId`. */
  workerDied(thread: number, cause: unknown): void
  /** A worker died that is to be replaced. */
  workerExited(worker: number, error: unknown): void
  /** No worker can be had any more, for this reason. */
  abort(reason: unknown): void
}

interface Place {
  thread: WorkerThread | undefined
  /** How often in a row its worker died before it had processed anything, or failed to load. */
  deaths: number
  failures: number
  processed: number
  timer: NodeJS.Timeout | undefined
  /** Whether it is being terminated, because its handler does not end. */
  overdue: boolean
}

interface Death {
  /** Its `threadId`. */
  thread: number
  error: unknown
}

/** ms before a worker is replaced that died again; it doubles each time. */
const FIRST_BACKOFF = 20
const MAX_BACKOFF = 2000
/** After so many failures in a row to load the module that could be loaded before, nobody can count on it. */
const MAX_FAILURES = 5
/** How often to look for handlers past their limit, and how long they may take to come to an end by themselves, in ms. */
const WATCH_MS = 100
const GRACE_MS = 1000

export class HandlerPool {
  readonly #system: PoolSystem
  readonly #module: ModulePlan
  readonly #batch: BatchPlan | undefined
  readonly #sink: ChannelToken | undefined
  readonly #places: Place[]
  /** The limit of an attempt, and since when each worker has been at one; see `WorkerStart`. */
  readonly #limit: WorkerStart['limit']
  #watch: NodeJS.Timeout | undefined
  /** What ended workers that were loaded, and died before they could begin. */
  readonly #deadEarly = new Map<number, Death>()
  #begun = false
  #draining = false
  #closing = false

  /** @param sink - where results go, other than to the system */
  constructor(
    system: PoolSystem,
    module: ModulePlan,
    batch: BatchPlan | undefined,
    handlerTimeout: number | undefined,
    sink: ChannelToken | undefined,
  ) {
    this.#system = system
    this.#module = module
    this.#batch = batch
    this.#sink = sink
    this.#limit =
      handlerTimeout === undefined
        ? undefined
        : { ms: handlerTimeout, since: new BigInt64Array(new SharedArrayBuffer(8 * system.consumers)) }
    this.#places = Array.from({ length: system.consumers }, () => ({
      thread: undefined,
      deaths: 0,
      failures: 0,
      processed: 0,
      timer: undefined,
      overdue: false,
    }))
  }

  /** Starts all workers and loads the module in each. Rejects with the module's own error. */
  async load(): Promise<void> {
    await Promise.all(this.#places.map((place, index) => this.#start(place, index).loaded))
  }

  /** Lets all workers begin. */
  begin(): void {
    this.#begun = true
    for (const { thread } of this.#places) thread?.tell({ type: 'begin' })
    for (const [index, death] of this.#deadEarly) this.#died(index, death)
    if (this.#limit) this.#watch = setInterval(() => this.#endOverdue(), WATCH_MS).unref()
  }

  /** What is gathered is handed over, or kept. Whether items can be taken is known natively. */
  pause(paused: boolean): void {
    if (this.#batch) for (const { thread } of this.#places) thread?.tell({ type: 'pause', paused })
  }

  /** No more items come: none that goes together with others is to wait for them. */
  drain(): void {
    this.#draining = true
    for (const { thread } of this.#places) thread?.tell({ type: 'end' })
  }

  /** The system breaks off: handlers are told, and what does not exit is terminated. */
  breakOff(reason: unknown): void {
    this.#closing = true
    clearInterval(this.#watch)
    const packed = packThrown(reason)
    for (const { thread, timer } of this.#places) {
      clearTimeout(timer)
      thread?.tell({ type: 'breakOff', reason: packed })
      void thread?.end()
    }
  }

  /** Ends all workers, and waits for their exit. */
  async close(patience?: number): Promise<void> {
    this.#closing = true
    clearInterval(this.#watch)
    for (const { timer } of this.#places) clearTimeout(timer)
    await Promise.all(this.#places.map(({ thread }) => thread?.end(patience)))
  }

  #start(place: Place, index: number): WorkerThread {
    const { handle, consumers, capacity, maxWaiting, priorities } = this.#system
    const thread = new WorkerThread(
      {
        role: 'handler',
        module: this.#module,
        system: handle,
        index,
        count: consumers,
        capacity,
        maxWaiting,
        priorities,
        ...(this.#batch && { batch: this.#batch }),
        ...(this.#sink && { sink: this.#sink }),
        ...(this.#limit && { limit: this.#limit }),
      },
      {
        told: (message) => this.#told(message),
        exited: (error) => {
          place.thread = undefined
          // Before the system starts, no place is vacant.
          if (this.#begun) this.#died(index, { thread: thread.id, error })
          else this.#deadEarly.set(index, { thread: thread.id, error })
        },
      },
    )
    place.thread = thread
    // Whoever waits for it hears of it.
    thread.loaded.catch(() => {})
    return thread
  }

  /** Terminates workers that are still at an attempt long past its limit: nobody else may have the item before that. */
  #endOverdue(): void {
    const { ms, since } = this.#limit as NonNullable<WorkerStart['limit']>
    const now = process.hrtime.bigint()
    for (const [index, place] of this.#places.entries()) {
      const began = Atomics.load(since, index)
      if (began === 0n || Number(now - began) / 1e6 <= ms + GRACE_MS || place.overdue) continue
      place.overdue = true
      void place.thread?.end(0)
    }
  }

  #told(message: FromWorker): void {
    if (message.type === 'stop') this.#system.requestStop()
  }

  #died(index: number, { thread, error }: Death): void {
    const place = this.#places[index] as Place
    const ended = place.overdue
      ? new HandlerTimeoutError(
          `the worker was terminated: its handler had not ended ${GRACE_MS} ms after its limit`,
        )
      : error
    place.overdue = false
    this.#system.workerDied(thread, ended)
    if (this.#limit) Atomics.store(this.#limit.since, index, 0n)
    if (this.#closing || !this.#isNeeded(index)) return
    this.#system.workerExited(index, ended)
    const processed = this.#system.processedBy(index)
    place.deaths = processed > place.processed ? 0 : place.deaths + 1
    place.processed = processed
    this.#replaceSoon(place, index)
  }

  #replaceSoon(place: Place, index: number): void {
    const backoff = place.deaths === 0 ? 0 : Math.min(FIRST_BACKOFF * 2 ** (place.deaths - 1), MAX_BACKOFF)
    place.timer = setTimeout(() => void this.#replace(place, index), backoff)
    // What is left to do keeps the process alive, and nothing else need to.
    place.timer.unref()
  }

  async #replace(place: Place, index: number): Promise<void> {
    if (this.#closing || !this.#isNeeded(index)) return
    let thread: WorkerThread | undefined
    try {
      thread = this.#start(place, index)
      await thread.loaded
    } catch (cause) {
      this.#failedToReplace(place, index, thread, cause)
      return
    }
    place.failures = 0
    thread.tell({ type: 'begin' })
    if (this.#draining) thread.tell({ type: 'end' })
  }

  /** @param thread - none where the machine has none to give */
  #failedToReplace(place: Place, index: number, thread: WorkerThread | undefined, cause: unknown): void {
    // Whatever else the module has begun there may keep it alive; its exit makes room for the next try.
    void thread?.end()
    if (this.#closing) return
    if (++place.failures < MAX_FAILURES) {
      if (thread) return
      place.deaths++
      this.#replaceSoon(place, index)
      return
    }
    const message = `expected the module to load in a new worker, as it had in the first, but it failed ${MAX_FAILURES} times: ${messageOf(cause)}`
    this.#system.abort(Object.assign(new ModuleError(message), { cause }))
  }

  #isNeeded(index: number): boolean {
    return binding.needsWorker(this.#system.handle, index)
  }
}
