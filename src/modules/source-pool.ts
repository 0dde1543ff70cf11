/** The workers of a system whose source is a module. */

import { messageOf, WorkerDiedError } from '../errors.js'
import type { SourceSystem } from '../source-runner.js'
import type { FromWorker } from './messages.js'
import type { ModulePlan } from './module.js'
import { packThrown, unpackThrown } from './thrown.js'
import { WorkerThread } from './worker-thread.js'

/** What the pool needs to know of its system. */
export interface SourcePoolSystem extends Pick<SourceSystem, 'sourceEnded'> {
  readonly handle: number
  readonly capacity: number
  readonly maxWaiting: number
  readonly priorities: number
}

/** Runs a source module's function once in each of `count` workers. */
export class SourcePool {
  readonly #system: SourcePoolSystem
  readonly #module: ModulePlan
  readonly #threads: (WorkerThread | undefined)[]
  readonly #ended: boolean[]
  /** Those whose worker died before they began, by index, with what ended it. */
  readonly #deadEarly = new Map<number, unknown>()
  #left: number
  #failure: { error: unknown } | undefined
  #stopped = false
  #begun = false

  constructor(system: SourcePoolSystem, module: ModulePlan, count: number) {
    this.#system = system
    this.#module = module
    this.#left = count
    this.#threads = new Array<WorkerThread | undefined>(count).fill(undefined)
    this.#ended = new Array<boolean>(count).fill(false)
  }

  /** Starts all workers and loads the module in each. Rejects with the module's own error. */
  async load(): Promise<void> {
    await Promise.all(this.#threads.map((_, index) => this.#start(index).loaded))
  }

  start(): void {
    this.#begun = true
    if (this.#stopped) return
    for (const thread of this.#threads) thread?.tell({ type: 'begin' })
    for (const [index, error] of this.#deadEarly) this.#died(index, error)
  }

  /** Ends production: what was pulled is sent. */
  stop(): void {
    this.#stopped = true
    for (const [index, thread] of this.#threads.entries()) {
      if (thread && this.#begun) thread.tell({ type: 'end' })
      else this.#end(index)
    }
  }

  /** Ends production: what was pulled and not sent is dropped. */
  abort(): void {
    this.#stopped = true
    const reason = packThrown(new Error('the system was aborted'))
    for (const [index, thread] of this.#threads.entries()) {
      thread?.tell({ type: 'breakOff', reason })
      void thread?.end()
      this.#end(index)
    }
  }

  /** Ends all workers, and waits for their exit. */
  async close(patience?: number): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread?.end(patience)))
  }

  #start(index: number): WorkerThread {
    const { handle, capacity, maxWaiting, priorities } = this.#system
    const count = this.#threads.length
    const thread = new WorkerThread(
      {
        role: 'source',
        module: this.#module,
        system: handle,
        index,
        count,
        capacity,
        maxWaiting,
        priorities,
      },
      {
        told: (message) => this.#told(index, message),
        exited: (error) => {
          this.#threads[index] = undefined
          if (this.#begun) this.#died(index, error)
          else this.#deadEarly.set(index, error)
        },
      },
    )
    this.#threads[index] = thread
    thread.loaded.catch(() => {})
    return thread
  }

  #died(index: number, error: unknown): void {
    const message = `expected the worker of source ${index} to live until its end: ${messageOf(error)}`
    this.#end(index, { error: new WorkerDiedError(message, { cause: error }) })
  }

  #told(index: number, message: FromWorker): void {
    if (message.type !== 'ended') return
    this.#end(index, message.failure && { error: unpackThrown(message.failure) })
    void this.#threads[index]?.end()
  }

  #end(index: number, failure?: { error: unknown }): void {
    if (this.#ended[index]) return
    this.#ended[index] = true
    this.#left--
    if (failure && !this.#failure) {
      this.#failure = failure
      this.stop()
    }
    if (this.#left === 0) this.#system.sourceEnded(this.#failure)
  }
}
