/** The worker threads of a program: they live from round to round until they die in one. */

import { Worker } from 'node:worker_threads'
import { Gate } from '../../helpers/gate.js'
import { WORKERS } from './channel-ledger.js'
import type { Order, Saying } from './channel-thread.js'

const THREAD = new URL('./channel-thread.js', import.meta.url)

/** A thread's part in a round. */
export class Turn {
  /** It is there, or was. */
  readonly begun: Promise<void>
  /** It sends no more. */
  readonly sent: Promise<void>
  /** It is over: it said so, or died. */
  readonly over: Promise<void>
  isOver = false
  died = false
  failure: string | undefined
  readonly #worker: Worker

  constructor(worker: Worker, order: Order) {
    this.#worker = worker
    const begun = new Gate()
    const sent = new Gate()
    const over = new Gate()
    this.begun = begun.opened
    this.sent = sent.opened
    this.over = over.opened
    const finish = (): void => {
      this.isOver = true
      worker.off('message', hear).off('error', fail).off('exit', die)
      begun.open()
      sent.open()
      over.open()
    }
    const hear = (saying: Saying): void => {
      if (saying === 'begun') begun.open()
      else if (saying === 'sent') sent.open()
      else if (saying === 'over') finish()
      else this.failure = saying.failed
    }
    const fail = (error: unknown): void => {
      this.failure = error instanceof Error ? `${error.stack}` : `${error}`
    }
    const die = (): void => {
      this.died = true
      finish()
    }
    worker.on('message', hear).on('error', fail).on('exit', die)
    // One that only receives may block before it can say that it has nothing to send.
    if (order.part.from === order.part.to) sent.open()
    worker.postMessage(order)
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }
}

export class Crew {
  readonly #workers: (Worker | undefined)[] = new Array(WORKERS).fill(undefined)

  play(order: Order): Turn {
    const { thread } = order.part
    this.#workers[thread] ??= this.#start(thread)
    return new Turn(this.#workers[thread], order)
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker?.terminate()))
  }

  #start(thread: number): Worker {
    const worker = new Worker(THREAD)
    // Errors are a turn's to tell.
    worker.on('error', () => {})
    worker.on('exit', () => {
      this.#workers[thread] = undefined
    })
    return worker
  }
}
