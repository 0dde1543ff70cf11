/**
 * The main thread to workers, through channels, in arrays, each awaited:
 * `growth-channel CAPACITY SIZE BATCH RECEIVERS CHANNELS ITEMS`. Items are numbers where SIZE is `number`, otherwise
 * `Uint8Array`s of so many bytes. Each array's time is noted before it is sent.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Channel } from '../../src/index.js'
import { items, modes } from './contest.js'
import { now, percentile99, printGrown } from './growth.js'
import { type Received, type ReceiverData, storedBytes } from './growth-channel-worker.js'

const [capacity, size, batch, receivers, channelCount] = modes.map(Number) as [
  number,
  number,
  number,
  number,
  number,
]
const channels = Array.from({ length: channelCount }, () => new Channel<unknown>({ capacity }))
const sentAt = new Float64Array(new SharedArrayBuffer(Math.ceil(items / batch) * 8))
const workerData: ReceiverData = { tokens: channels.map(({ token }) => token), size, batch, sentAt }
const workers = await Promise.all(
  Array.from({ length: receivers }, async () => {
    const worker = new Worker(new URL('growth-channel-worker.js', import.meta.url), { workerData })
    await once(worker, 'message')
    return worker
  }),
)
const done = Promise.all(workers.map((worker) => once(worker, 'message') as Promise<[Received]>))
const bytes = Number.isNaN(size) ? [] : storedBytes(size)
const values = new Array<unknown>(batch)

const start = performance.now()
for (let begin = 0; begin < items; begin += batch) {
  for (let n = 0; n < batch; n++)
    values[n] = Number.isNaN(size) ? begin + n : bytes[(begin + n) % bytes.length]
  const turn = begin / batch
  sentAt[turn] = now()
  await channels[turn % channels.length]?.sendMany(values)
}
for (const channel of channels) channel.close()
const received = (await done).map(([each]) => each)
const seconds = (performance.now() - start) / 1000
const waits = Float64Array.from(received.flatMap(({ waits }) => [...waits]))
printGrown({
  count: received.reduce((total, { count }) => total + count, 0),
  sum: received.reduce((total, { sum }) => total + sum, 0),
  seconds,
  p99: percentile99(waits),
})
