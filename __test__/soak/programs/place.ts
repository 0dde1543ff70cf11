/** What a job is done with, in whatever thread. */
import { workerData } from 'node:worker_threads'
import { Channel, type ChannelToken, type SystemStats } from '../../../src/index.js'
import { Random } from '../../helpers/random.js'
import { Ledger } from './ledger.js'
import { type JobName, PLANNED } from './plans.js'

/** What a worker is told. Cloneable. */
export interface WorkerPlan {
  job: JobName
  seed: number
  /** Where the worker ends itself: after how many items that it had to do with, and how. */
  ending?: Ending
  tokens: { flow: ChannelToken<unknown>; full: ChannelToken<unknown>; empty: ChannelToken<unknown> }
  memory: SharedArrayBuffer
  /** Where it counts what it has done: 1 once it begins its job, and one more for each item. */
  progress: SharedArrayBuffer
}

/** `throw` is an exception, or a rejection, where the job is. */
export type Ending = { after: number } & ({ by: 'exit'; code: number } | { by: 'throw' })

/** A system, of whatever items. */
export interface Stoppable {
  stop(options: { timeout: number }): Promise<SystemStats>
}

export class Place {
  /** Items go through it all the time. */
  readonly flow: Channel
  /** Nobody receives from it. */
  readonly full: Channel
  /** Nobody sends to it. */
  readonly empty: Channel
  readonly ledger: Ledger
  readonly random: Random
  /** The systems that were started here. */
  readonly systems: Stoppable[] = []
  readonly #passes: () => void

  /** @param passes - called for each item that this thread has to do with */
  constructor(
    channels: Pick<Place, 'flow' | 'full' | 'empty'>,
    ledger: Ledger,
    seed: number,
    passes: () => void,
  ) {
    this.flow = channels.flow
    this.full = channels.full
    this.empty = channels.empty
    this.ledger = ledger
    this.random = new Random({ log: () => {} }, seed)
    this.#passes = passes
  }

  pass(): void {
    this.ledger.pass()
    this.#passes()
  }

  receive(n: number): void {
    this.ledger.received(n)
    this.#passes()
  }
}

/** What a worker has done, as it counts that itself. */
export class Progress {
  readonly memory = new SharedArrayBuffer(4)
  readonly #done = new Int32Array(this.memory)

  get count(): number {
    return Atomics.load(this.#done, 0)
  }
}

/** The place of this worker. */
export function placeOfWorker(): Place {
  const { tokens, memory, progress, seed, ending } = workerData as WorkerPlan
  const done = new Int32Array(progress)
  let left = ending?.after ?? Number.POSITIVE_INFINITY
  const place = new Place(
    {
      flow: Channel.attach(tokens.flow),
      full: Channel.attach(tokens.full),
      empty: Channel.attach(tokens.empty),
    },
    new Ledger(memory),
    seed,
    () => {
      Atomics.add(done, 0, 1)
      if (--left !== 0 || !ending) return
      if (ending.by === 'throw') throw new Error(PLANNED)
      process.exit(ending.code)
    },
  )
  Atomics.add(done, 0, 1)
  return place
}
