/** `postMessage` as it is: without a bound, and a turn of the event loop after each 1000 values. */
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { items, modes } from './contest.js'
import { BURST, memoryAtStart, printGrowth } from './flood.js'
import type { PeerData } from './flood-post-message-worker.js'
import { type PayloadName, storedValues } from './payloads.js'
import { type Arrived, startWorker } from './send.js'

const [payload] = modes as [PayloadName]
const values = storedValues(payload)
const worker = await startWorker('flood-post-message-worker', { payload, items } satisfies PeerData)
const done = once(worker, 'message') as Promise<[Arrived]>
const start = memoryAtStart()
for (let n = 0; n < items; n++) {
  worker.postMessage(values[n % values.length])
  if (n % BURST === BURST - 1) await turn()
}
const [result] = await done
printGrowth(result, start)
