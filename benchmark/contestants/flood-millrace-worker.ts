import { parentPort, workerData } from 'node:worker_threads'
import { Channel, type ChannelToken } from '../../src/index.js'
import { arrived } from './contest.js'
import { BURST, pause } from './flood.js'
import type { PayloadName } from './payloads.js'
import { checker } from './send.js'

export interface OurData {
  payload: PayloadName
  token: ChannelToken<unknown>
}

const { payload, token } = workerData as OurData
const check = checker(payload)
const channel = Channel.attach(token)
parentPort?.postMessage('ready')
for await (const value of channel) {
  check(value)
  if (arrived.count % BURST === 0) pause()
}
parentPort?.postMessage(arrived)
