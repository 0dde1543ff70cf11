/**
 * `worker.postMessage`, one value or an array a message, at most a window of values not yet acknowledged. The next ones
 * are posted by the listener that hears the acknowledgement: no promise, no other turn of the loop.
 */
import { items, modes, WINDOW } from './contest.js'
import { type PayloadName, storedValues } from './payloads.js'
import { type Arrived, BATCH, batchesOf, printArrived, startWorker } from './send.js'
import type { PeerData } from './send-post-message-worker.js'

const [mode, payload] = modes as ['items' | 'drained' | 'arrays' | 'transferred', PayloadName]
const values = storedValues(payload)
const batches = batchesOf(values)
const worker = await startWorker('send-post-message-worker', {
  payload,
  items,
  message: mode === 'arrays' || mode === 'transferred' ? 'array' : 'value',
  drain: mode === 'drained',
} satisfies PeerData)

let posted = 0

function postItems(acknowledged: number): void {
  const end = Math.min(items, acknowledged + WINDOW)
  while (posted < end) worker.postMessage(values[posted++ % values.length])
}

function postArrays(acknowledged: number): void {
  const end = Math.min(items, acknowledged + WINDOW)
  for (; posted < end; posted += BATCH) worker.postMessage(batches[(posted / BATCH) % batches.length])
}

/** What is transferred is gone here, so a copy is. */
function postCopies(acknowledged: number): void {
  const end = Math.min(items, acknowledged + WINDOW)
  for (; posted < end; posted += BATCH) {
    const batch = batches[(posted / BATCH) % batches.length] as Uint8Array<ArrayBuffer>[]
    const copies = batch.map((value) => value.slice())
    worker.postMessage(
      copies,
      copies.map(({ buffer }) => buffer),
    )
  }
}

const post = { items: postItems, drained: postItems, arrays: postArrays, transferred: postCopies }[mode]
const start = performance.now()
worker.on('message', (message: number | Arrived) => {
  if (typeof message === 'number') post(message)
  else printArrived(message, start)
})
post(0)
