import { parentPort, workerData } from 'node:worker_threads'
import { Channel, type ChannelToken } from '../../src/index.js'
import { arrived } from './contest.js'
import type { PayloadName } from './payloads.js'
import { checker } from './send.js'

export interface OurData {
  payload: PayloadName
  /** Whether arrays are received, as arrays are sent. */
  many: boolean
  token: ChannelToken<unknown>
}

/** The most values in an array that is received. */
const MOST = 500
const { payload, token, many } = workerData as OurData
const check = checker(payload)
const channel = Channel.attach(token)
parentPort?.postMessage('ready')
if (many) {
  for (let batch = await channel.receiveMany(MOST); batch.length > 0; batch = await channel.receiveMany(MOST))
    for (const value of batch) check(value)
} else {
  for await (const value of channel) check(value)
}
parentPort?.postMessage(arrived)
