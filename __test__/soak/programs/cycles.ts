/** What is made, used and dropped in a cycle. */
import { Worker } from 'node:worker_threads'
import {
  Channel,
  handlerModule,
  ProducerConsumerSystem,
  select,
  sequence,
  sleep,
} from '../../../src/index.js'
import type * as Modules from './modules.js'
import type { Cycle } from './plans.js'

const MODULES = new URL('./modules.js', import.meta.url)
const WORKER = new URL('./cycles-worker.js', import.meta.url)
const BYTES = new Uint8Array(20_000)

export const make: Record<Cycle, () => Promise<void>> = {
  async channels() {
    const channel = new Channel({ capacity: 100 })
    await channel.sendMany([1, 'two', { three: 3 }, BYTES, BYTES])
    await channel.receive({ timeout: 1000, signal: new AbortController().signal })
    const lease = await channel.lease()
    lease.settle()
    // Left as it is: what is queued, staged, ahead, leased, and what waits for an item of another.
    await channel.lease()
    for await (const _ of channel) break
    void channel.send('staged')
    void channel.token
    const other = Channel.attach(channel.token)
    await select([other.receiving()])
    await new Channel().receive({ timeout: 0 }).catch(() => {})
    channel.abort()
  },

  async systems() {
    const callback = new ProducerConsumerSystem({ source: [1, 2, 3], handler: async (n) => n, results: true })
    const native = new ProducerConsumerSystem({ source: sequence({ limit: 100 }), handler: sleep(0) })
    await Promise.all([callback.start(), native.start()])
    for await (const _ of callback.results());
    await native.finished
    const left = new ProducerConsumerSystem({ handler: (n: number) => n })
    await left.send(1)
  },

  async workers() {
    const channel = new Channel({ capacity: 10 })
    const worker = new Worker(WORKER, { workerData: channel.token })
    await channel.send({ to: 'the worker' })
    await new Promise((resolve) => worker.once('exit', resolve))
    channel.abort()
  },

  async modules() {
    const handler = handlerModule<typeof Modules, 'handle'>(MODULES, { export: 'handle' })
    const system = new ProducerConsumerSystem({ consumers: 1, handler })
    await system.start()
    await system.run(1)
    await system.stop()
  },
}
