import { parentPort, workerData } from 'node:worker_threads'
import { Channel, type ChannelToken } from '../../src/index.js'
import { now } from './growth.js'

export interface ReceiverData {
  tokens: ChannelToken<unknown>[]
  /** The bytes of an item, NaN for numbers. */
  size: number
  /** How many items were sent at a time. */
  batch: number
  /** When each array was sent. */
  sentAt: Float64Array
}

/** What a worker has seen. */
export interface Received {
  count: number
  sum: number
  /** For each array whose first item came here, the time in ms from before it was sent. */
  waits: number[]
}

/** The most values in an array that is received. */
const MOST = 500
/** How many different items of bytes there are. */
const STORED = 10

/** Items of `size` bytes that can be told apart by their first byte, where they have one. */
export function storedBytes(size: number): Uint8Array[] {
  return Array.from({ length: STORED }, (_, place) => new Uint8Array(size).fill(place, 0, 1))
}

if (parentPort !== null) await receiveAll(workerData as ReceiverData)

async function receiveAll({ tokens, size, batch, sentAt }: ReceiverData): Promise<void> {
  const received: Received = { count: 0, sum: 0, waits: [] }
  const numberOf = Number.isNaN(size) ? Number : inTurn(size)
  const channels = tokens.map((token) => Channel.attach(token))
  parentPort?.postMessage('ready')
  await Promise.all(
    channels.map(async (channel) => {
      for (;;) {
        const values = await channel.receiveMany(MOST)
        if (values.length === 0) break
        const at = now()
        for (const value of values) {
          const n = numberOf(value)
          received.count++
          received.sum += n
          if (n % batch === 0) received.waits.push(at - (sentAt[n / batch] ?? Number.NaN))
        }
      }
    }),
  )
  parentPort?.postMessage(received)
}

/** The number of an item of bytes: they arrive in the order in which they were sent, at one receiver of one channel. */
function inTurn(size: number): (value: unknown) => number {
  let next = 0
  return (value) => {
    const place = next % STORED
    if (!(value instanceof Uint8Array) || value.length !== size || (size > 0 && value[0] !== place))
      throw new Error(`expected ${size} bytes that begin with ${place}, got ${String(value).slice(0, 40)}`)
    return next++
  }
}
