import { once } from 'node:events'
import { Channel } from '../../src/index.js'
import { items, modes, WINDOW } from './contest.js'
import { memoryAtStart, printGrowth } from './flood.js'
import type { OurData } from './flood-millrace-worker.js'
import { type PayloadName, storedValues } from './payloads.js'
import { type Arrived, startWorker } from './send.js'

const [payload] = modes as [PayloadName]
const values = storedValues(payload)
const channel = new Channel<unknown>({ capacity: WINDOW })
const worker = await startWorker('flood-millrace-worker', { payload, token: channel.token } satisfies OurData)
const done = once(worker, 'message') as Promise<[Arrived]>
const start = memoryAtStart()
for (let n = 0; n < items; n++) await channel.send(values[n % values.length])
channel.close()
const [result] = await done
printGrowth(result, start)
