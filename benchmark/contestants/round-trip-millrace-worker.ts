import { parentPort, workerData } from 'node:worker_threads'
import { Channel, type ChannelToken, ClosedError } from '../../src/index.js'
import { answer } from './round-trip.js'

export interface OurData {
  there: ChannelToken<number>
  back: ChannelToken<number>
  /** Whether the worker blocks until a value comes. */
  sync: boolean
}

const data = workerData as OurData
const there = Channel.attach(data.there)
const back = Channel.attach(data.back)
parentPort?.postMessage('ready')
if (data.sync) answerBlocking()
else for await (const value of there) await back.send(answer(value))

function answerBlocking(): void {
  for (;;) {
    try {
      back.sendSync(answer(there.receiveSync()))
    } catch (error) {
      if (error instanceof ClosedError) return
      throw error
    }
  }
}
