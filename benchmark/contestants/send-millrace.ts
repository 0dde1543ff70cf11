import { once } from 'node:events'
import { Channel } from '../../src/index.js'
import { items, modes, WINDOW } from './contest.js'
import { type PayloadName, storedValues } from './payloads.js'
import { type Arrived, BATCH, batchesOf, printArrived, startWorker } from './send.js'
import type { OurData } from './send-millrace-worker.js'

const [mode, payload] = modes as ['send-await' | 'send' | 'send-many', PayloadName]
const values = storedValues(payload)
const batches = batchesOf(values)
const channel = new Channel<unknown>({ capacity: WINDOW })
const many = mode !== 'send-await'
const worker = await startWorker('send-millrace-worker', {
  payload,
  many,
  token: channel.token,
} satisfies OurData)

const cases = {
  async 'send-await'() {
    for (let n = 0; n < items; n++) await channel.send(values[n % values.length])
  },
  /** The last send of a burst is admitted after all the others. */
  async send() {
    for (let n = 0; n < items; n++) {
      const sent = channel.send(values[n % values.length])
      if (n % BATCH === BATCH - 1) await sent
    }
  },
  async 'send-many'() {
    for (let n = 0; n < items; n += BATCH)
      await channel.sendMany(batches[(n / BATCH) % batches.length] as unknown[])
  },
}

const start = performance.now()
const done = once(worker, 'message') as Promise<[Arrived]>
await cases[mode]()
channel.close()
const [result] = await done
printArrived(result, start)
