import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { PayloadName } from './payloads.js'
import { type MessageKind, receiveAcknowledged } from './send-acknowledged.js'

export interface PeerData {
  payload: PayloadName
  items: number
  kind: MessageKind
  /** Whether a listener that was called takes all messages that are there. */
  drain: boolean
}

const port = parentPort as MessagePort
const data = workerData as PeerData
const hear = receiveAcknowledged(
  data,
  (message) => port.postMessage(message),
  () => port.close(),
)

function hearAll(value: unknown): void {
  hear(value)
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) hear(next.message)
}

// `on` of Node's own is faster than `onmessage`.
port.on('message', data.drain ? hearAll : hear)
port.postMessage('ready')
