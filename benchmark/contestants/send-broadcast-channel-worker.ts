import { parentPort, workerData } from 'node:worker_threads'
import type { PayloadName } from './payloads.js'
import { type MessageKind, receiveAcknowledged } from './send-acknowledged.js'

export interface BroadcastData {
  payload: PayloadName
  items: number
  kind: MessageKind
}

export const NAME = 'values'

if (parentPort) {
  const channel = new BroadcastChannel(NAME)
  const hear = receiveAcknowledged(
    workerData as BroadcastData,
    (message) => channel.postMessage(message),
    () => channel.close(),
  )
  channel.onmessage = (event) => hear((event as MessageEvent).data)
  parentPort.postMessage('ready')
}
