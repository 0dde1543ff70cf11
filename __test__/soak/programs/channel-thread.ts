/** A worker thread that takes part in round after round. */

import { inspect, isDeepStrictEqual } from 'node:util'
import { parentPort } from 'node:worker_threads'
import { Channel, type ChannelToken } from '../../../src/index.js'
import { itemOf, numberOf } from '../../helpers/items.js'
import { quietly } from './chance.js'
import { Ledger } from './channel-ledger.js'
import { type Doom, receiveAll } from './channel-receiving.js'
import type { Seat } from './channel-seat.js'
import { sendAll } from './channel-sending.js'

/** What one thread does in a round. */
export interface Part {
  thread: number
  seed: number
  fast: boolean
  /** Numbers as items, and nothing else. */
  numbers: boolean
  priorities: number
  /** Which items it sends; none where they are equal. */
  from: number
  to: number
  receives: boolean
  doom?: Doom
}

export interface Order {
  part: Part
  token: ChannelToken<unknown>
  items: number
  memory: SharedArrayBuffer
}

/** What it says: it is there; all is sent; its part is over; or what went wrong. */
export type Saying = 'begun' | 'sent' | 'over' | { failed: string }

/** Takes part; `sent` is called once it sends no more. */
export async function takePart(
  channel: Channel<unknown>,
  ledger: Ledger,
  part: Part,
  isMain: boolean,
  sent: () => void,
): Promise<void> {
  const { thread, seed, fast, priorities, from, to, receives, doom } = part
  // One that blocks for good is not to be what others wait for.
  const blocking = isMain ? 'never' : receives && from < to ? 'for a time' : 'for good'
  const seat: Omit<Seat, 'random'> = {
    channel,
    ledger,
    thread,
    blocking,
    fast,
    priorities,
    ...(part.numbers ? { itemOf: same, numberOf: numberAsIs } : { itemOf, numberOf: numberOfEqual }),
  }
  const sending = sendAll({ ...seat, random: quietly(seed) }, from, to).then(sent)
  const receiving = receives ? receiveAll({ ...seat, random: quietly(seed + 1) }, doom) : undefined
  await Promise.all([sending, receiving])
}

function same(number: number): unknown {
  return number
}

function numberAsIs(item: unknown): number {
  if (typeof item !== 'number') throw new Error(`expected a number, got ${inspect(item)}`)
  return item
}

function numberOfEqual(item: unknown): number {
  const number = numberOf(item)
  if (!isDeepStrictEqual(item, itemOf(number)))
    throw new Error(`expected an item equal to that of ${number}, got ${inspect(item)}`)
  return number
}

parentPort?.on('message', async ({ part, token, items, memory }: Order) => {
  const say = (saying: Saying): void => parentPort?.postMessage(saying)
  try {
    const ledger = new Ledger(items, memory)
    say('begun')
    using channel = Channel.attach(token, { onDrop: (item) => ledger.drop(numberOf(item)) })
    await takePart(channel, ledger, part, false, () => say('sent'))
  } catch (error) {
    say({ failed: inspect(error) })
  }
  // By the end of the turn all that this thread had is on record.
  setImmediate(() => say('over'))
})
