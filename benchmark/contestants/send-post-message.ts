/** `worker.postMessage`, one value or an array a message. */
import { items, modes } from './contest.js'
import { type PayloadName, storedValues } from './payloads.js'
import { startWorker } from './send.js'
import { type Acknowledgement, sendWindowed } from './send-acknowledged.js'
import type { PeerData } from './send-post-message-worker.js'

const [mode, payload] = modes as ['items' | 'drained' | 'arrays' | 'transferred', PayloadName]
const kind = mode === 'arrays' || mode === 'transferred' ? 'array' : 'value'
const worker = await startWorker('send-post-message-worker', {
  payload,
  items,
  kind,
  drain: mode === 'drained',
} satisfies PeerData)

/** What is transferred is gone here, so a copy is. */
function postCopies(batch: unknown): void {
  const copies = (batch as Uint8Array<ArrayBuffer>[]).map((value) => value.slice())
  worker.postMessage(
    copies,
    copies.map(({ buffer }) => buffer),
  )
}

const post = mode === 'transferred' ? postCopies : (message: unknown) => worker.postMessage(message)
const heard = sendWindowed(storedValues(payload), kind, post)
worker.on('message', (message: Acknowledgement) => heard(message))
