/** What the bounded queues of several languages promise alike. */

import type { ExecutionContext } from 'ava'
import { Channel, TimeoutError } from '../../src/index.js'

/** A channel with these items in it. */
export async function holding<T>(capacity: number, ...items: T[]): Promise<Channel<T>> {
  const channel = new Channel<T>({ capacity })
  await channel.sendMany(items)
  return channel
}

export async function insertsAtOnceOrNotAtAll(t: ExecutionContext): Promise<void> {
  const channel = new Channel<number>({ capacity: 1 })
  t.true(channel.trySend(1))
  t.false(channel.trySend(2))
  t.deepEqual(await channel.receiveMany(9), [1])
}

export async function waitsForRoomAndGivesUp(t: ExecutionContext): Promise<void> {
  const channel = await holding(1, 1)
  for (const timeout of [0, 1]) {
    await t.throwsAsync(channel.send(2, { timeout }), { instanceOf: TimeoutError })
  }
  const waits = channel.send(3, { timeout: 60_000 })
  t.is(await channel.receive(), 1)
  await waits
  t.deepEqual(await channel.receiveMany(9), [3])
}

export async function takesAtOnceOrNotAtAll(t: ExecutionContext): Promise<void> {
  const channel = await holding(1, 1)
  t.deepEqual(channel.tryReceive(), { value: 1 })
  t.is(channel.tryReceive(), undefined)
}

export async function waitsForAnItemAndGivesUp(t: ExecutionContext): Promise<void> {
  const channel = new Channel<number>()
  for (const timeout of [0, 1]) {
    await t.throwsAsync(channel.receive({ timeout }), { instanceOf: TimeoutError })
  }
  const waits = channel.receive({ timeout: 60_000 })
  await channel.send(1)
  t.is(await waits, 1)
}
