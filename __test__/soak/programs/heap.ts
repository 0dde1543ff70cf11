/** `node heap.js WAY`: a worker runs out of its heap in the middle of what `WAY` says, and takes no item along. */
import { Worker } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'
import type { HeapWay } from './plans.js'

const resourceLimits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 }

/** An item that takes some of a heap. */
export interface Big {
  n: number
  texts: string[]
}

const big = (n: number): Big => ({ n, texts: Array.from({ length: 200 }, (_, i) => `${n} ${i}`) })
const isWhole = ({ n, texts }: Big): boolean => texts.length === 200 && texts[199] === `${n} 199`

const channel = new Channel<Big>({ capacity: 20 })
const counts = new Int32Array(new SharedArrayBuffer(4))
const worker = new Worker(new URL('./heap-worker.js', import.meta.url), {
  workerData: { way: process.argv[2], token: channel.token, counts },
  resourceLimits,
})
let code: string | undefined
worker.on('error', (error) => {
  code = (error as NodeJS.ErrnoException).code
})
const dead = new AbortController()
const died = new Promise<void>((resolve) =>
  worker.once('exit', () => {
    dead.abort()
    resolve()
  }),
)

/** Whether all are where they may be. */
const ways: Record<HeapWay, () => Promise<boolean>> = {
  /** It leases all there are: they come back. */
  async leasing() {
    await channel.sendMany(Array.from({ length: 20 }, (_, n) => big(n)))
    await died
    const items = await channel.receiveMany(20)
    return new Set(items.map(({ n }) => n)).size === 20 && items.every(isWhole)
  },

  /** It keeps what it receives, so that its heap ends where an item is made: none is lost but that. */
  async receiving() {
    const { signal } = dead
    let sent = 0
    while (
      await channel.send(big(sent), { signal }).then(
        () => true,
        () => false,
      )
    )
      sent++
    const left: Big[] = []
    for (let item = channel.tryReceive(); item; item = channel.tryReceive()) left.push(item.value)
    const missing = sent - left.length - (counts[0] as number)
    return (missing === 0 || missing === 1) && left.every(isWhole)
  },

  /** It keeps what it sends, so that its heap ends where an item is sent: those before have arrived, in order. */
  async sending() {
    const { signal } = dead
    let next = 0
    let whole = true
    try {
      for (;;) {
        const item = await channel.receive({ signal })
        whole &&= item.n === next++ && isWhole(item)
      }
    } catch {
      for (let item = channel.tryReceive(); item; item = channel.tryReceive())
        whole &&= item.value.n === next++ && isWhole(item.value)
    }
    return whole && next >= (counts[0] as number)
  },
}

const right = await ways[process.argv[2] as HeapWay]()
await died
await channel.send(big(1000))
const last = await channel.receive()
console.log(`${code}, ${right && last.n === 1000 ? 'none lost' : 'lost'}`)
