/** A worker that fills its heap. */
import { workerData } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'
import { fillHeap } from '../../helpers/heap.js'
import type { Big } from './heap.js'
import type { HeapWay } from './plans.js'

const { way, token, counts } = workerData
const channel = Channel.attach<Big>(token)
const kept: unknown[] = []

const ways: Record<HeapWay, () => Promise<void>> = {
  async leasing() {
    for (let n = 0; n < 20; n++) kept.push(await channel.lease())
    await fillHeap(kept)
  },

  async receiving() {
    for (;;) {
      kept.push(await channel.receive())
      Atomics.add(counts, 0, 1)
    }
  },

  async sending() {
    for (let n = 0; ; n++) {
      const item = { n, texts: Array.from({ length: 200 }, (_, i) => `${n} ${i}`) }
      kept.push(item)
      await channel.send(item)
      // What was sent in a turn that is over has left.
      await new Promise(setImmediate)
      Atomics.store(counts, 0, n + 1)
    }
  },
}

await ways[way as HeapWay]()
