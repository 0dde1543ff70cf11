/** A `BroadcastChannel` with one receiver, one value or an array a message; acknowledgements come back on it. */
import { items, modes } from './contest.js'
import { type PayloadName, storedValues } from './payloads.js'
import { startWorker } from './send.js'
import { type Acknowledgement, type MessageKind, sendWindowed } from './send-acknowledged.js'
import { type BroadcastData, NAME } from './send-broadcast-channel-worker.js'

const [kind, payload] = modes as [MessageKind, PayloadName]
const channel = new BroadcastChannel(NAME)
const worker = await startWorker('send-broadcast-channel-worker', {
  payload,
  items,
  kind,
} satisfies BroadcastData)
worker.once('exit', () => channel.close())
const heard = sendWindowed(storedValues(payload), kind, (message) => channel.postMessage(message))
channel.onmessage = (event) => heard((event as MessageEvent).data as Acknowledgement)
