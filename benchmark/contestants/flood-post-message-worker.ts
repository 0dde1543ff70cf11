import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { arrived } from './contest.js'
import { BURST, pause } from './flood.js'
import type { PayloadName } from './payloads.js'
import { checker } from './send.js'

export interface PeerData {
  payload: PayloadName
  items: number
}

const { payload, items } = workerData as PeerData
const check = checker(payload)
const port = parentPort as MessagePort
port.on('message', (value) => {
  check(value)
  if (arrived.count % BURST === 0) pause()
  if (arrived.count === items) {
    port.postMessage(arrived)
    port.close()
  }
})
port.postMessage('ready')
