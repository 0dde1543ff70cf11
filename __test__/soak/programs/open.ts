/** Things that a program leaves as they are when it comes to its end, and that must not keep it from ending. */
import { Worker } from 'node:worker_threads'
import {
  Channel,
  handlerModule,
  hash,
  ProducerConsumerSystem,
  select,
  sequence,
  sleep,
} from '../../../src/index.js'
import { Random } from '../../helpers/random.js'
import { Ledger } from './ledger.js'
import type * as Modules from './modules.js'
import { Progress, type WorkerPlan } from './place.js'

const MODULES = new URL('./modules.js', import.meta.url)
const WORKER = new URL('./worker.js', import.meta.url)

const numbers = Array.from({ length: 100 }, (_, n) => n)

const LEFT: (() => unknown)[] = [
  function queued() {
    return new Channel().sendMany(numbers)
  },
  async function leased() {
    const channel = new Channel()
    await channel.sendMany(numbers)
    await channel.lease()
  },
  async function ahead() {
    const channel = new Channel()
    void channel.token
    await channel.sendMany(numbers)
    await channel[Symbol.asyncIterator]().next()
  },
  async function cancelled() {
    const controller = new AbortController()
    const full = new Channel({ capacity: 1 })
    await full.send(1)
    const waits = [
      full.send(2, { signal: controller.signal }),
      new Channel().receive({ signal: controller.signal }),
      select([new Channel().receiving()], { timeout: 1 }),
    ]
    controller.abort()
    await Promise.allSettled(waits)
  },
  function staged() {
    void new Channel().send({ staged: true })
  },
  function neverStarted() {
    return new ProducerConsumerSystem({ source: sequence(), handler: sleep(1) }).send('left')
  },
  async function idle() {
    const system = new ProducerConsumerSystem<string, string>({ handler: hash('sha256'), results: true })
    await system.start()
    await system.run('an item')
    void system.results().next()
  },
  async function idleWorkers() {
    const handler = handlerModule<typeof Modules, 'handle'>(MODULES, { export: 'handle' })
    const system = new ProducerConsumerSystem({ consumers: 2, handler })
    await system.start()
    await system.run(1)
  },
  async function stopped() {
    // More dead letters than are kept would be warned of.
    const system = new ProducerConsumerSystem({ source: sequence(), handler: sleep(1), capacity: 100 })
    await system.start()
    void system.stop({ timeout: 1 })
  },
  async function ended() {
    await new ProducerConsumerSystem({ source: numbers, handler: (n: number) => n }).start()
  },
  function unreferenced() {
    const channel = new Channel()
    for (const job of ['receive', 'receiveSync', 'blockedSend'] as const) {
      const tokens = { flow: channel.token, full: channel.token, empty: channel.token }
      const workerData: WorkerPlan = {
        job,
        seed: 1,
        tokens,
        memory: new Ledger(200).memory,
        progress: new Progress().memory,
      }
      new Worker(WORKER, { workerData }).unref()
    }
  },
]

/** Leaves some of them open, as `seed` has it. */
export async function leaveOpen(seed: number): Promise<void> {
  const random = new Random({ log: () => {} }, seed)
  for (let left = 1 + random.below(4); left > 0; left--) await LEFT[random.below(LEFT.length)]?.()
}
