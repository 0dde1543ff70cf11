/** Sends of one turn that find no room wait together, and each of them is told of its own end. */
import test from 'ava'
import { Channel } from '../src/index.js'
import { turns, until } from './helpers/gate.js'
import { Random } from './helpers/random.js'

/** How each of `sends` ended so far. */
function watch(sends: readonly Promise<void>[]): string[] {
  const ends = sends.map(() => 'waits')
  for (const [index, send] of sends.entries()) {
    send.then(
      () => {
        ends[index] = 'sent'
      },
      (error: { code: string }) => {
        ends[index] = error.code
      },
    )
  }
  return ends
}

const many = (count: number, end: string) => Array.from({ length: count }, () => end)

test('each send of a turn is over when its own item is in the channel', async (t) => {
  const channel = new Channel<number>({ capacity: 3 })
  const ends = watch(Array.from({ length: 10 }, (_, n) => channel.send(n)))
  t.is(channel.stats().waitingSends, 7)
  for (let received = 0; received < 10; received++) {
    await until(() => ends.filter((end) => end === 'sent').length === Math.min(10, received + 3))
    t.deepEqual(ends, [
      ...many(Math.min(10, received + 3), 'sent'),
      ...many(Math.max(0, 7 - received), 'waits'),
    ])
    t.is(channel.stats().waitingSends, Math.max(0, 7 - received))
    t.is(await channel.receive(), received)
  }
})

test('more sends than leave together keep their order and their ends', async (t) => {
  const channel = new Channel<number>({ capacity: 7 })
  const sends = Array.from({ length: 2000 }, (_, n) => channel.send(n))
  const ends = watch(sends)
  for (let received = 0; received < 2000; received++) {
    t.is(await channel.receive(), received)
    const sent = ends.filter((end) => end === 'sent').length
    // Of those that are in the channel the event may not have come yet; of no other can it.
    if (sent > received + 1 + 7) t.fail(`${sent} sends were over with ${received + 1} items received`)
  }
  await Promise.all(sends)
  t.is(channel.stats().waitingSends, 0)
  t.true(channel.stats().peakQueued <= 7)
})

test('abort: those whose item got in were sent, the others hear of it', async (t) => {
  for (let taken = 0; taken <= 5; taken++) {
    const channel = new Channel<number>({ capacity: 2 })
    const sends = Array.from({ length: 7 }, (_, n) => channel.send(n))
    const ends = watch(sends)
    t.is(channel.length, 2)
    for (let n = 0; n < taken; n++) t.is(channel.tryReceive()?.value, n)
    t.deepEqual(channel.abort(), [taken, taken + 1])
    await Promise.allSettled(sends)
    t.deepEqual(ends, [...many(2 + taken, 'sent'), ...many(5 - taken, 'ERR_MILLRACE_ABORTED')])
    t.is(channel.stats().waitingSends, 0)
  }
})

test('close: all of them complete, and those after it are refused', async (t) => {
  const channel = new Channel<number>({ capacity: 2 })
  const sends = Array.from({ length: 9 }, (_, n) => channel.send(n))
  channel.close()
  await t.throwsAsync(channel.send(9), { code: 'ERR_MILLRACE_CLOSED' })
  const received: number[] = []
  for await (const item of channel) received.push(item)
  t.deepEqual(received, [0, 1, 2, 3, 4, 5, 6, 7, 8])
  await Promise.all(sends)
})

test('an item that waits is the value at the moment of its call', async (t) => {
  const channel = new Channel<unknown>({ capacity: 1 })
  const item = { n: 0 }
  const bytes = new Uint8Array(1)
  const sends = []
  for (let n = 0; n < 4; n++) {
    item.n = bytes[0] = n
    sends.push(channel.send(item), channel.send(bytes), channel.send(n), channel.send(`text ${n}`))
  }
  for (let n = 0; n < 4; n++) {
    t.deepEqual(await channel.receive(), { n })
    t.deepEqual(await channel.receive(), Uint8Array.of(n))
    t.is(await channel.receive(), n)
    t.is(await channel.receive(), `text ${n}`)
  }
  await Promise.all(sends)
})

test('code of an item that sends, flushes and closes while it is staged', async (t) => {
  for (const capacity of [1, 3, 1000]) {
    for (const inner of ['send', 'trySend', 'length', 'uncloneable', 'close'] as const) {
      const channel = new Channel<unknown>({ capacity })
      const refused = () => {}
      const item = {
        get inner() {
          if (inner === 'send') void channel.send('from the getter')
          else if (inner === 'trySend') channel.trySend('from the getter')
          else if (inner === 'length') return channel.length
          else if (inner === 'close') channel.close()
          else channel.send(refused).catch(refused)
          return 1
        },
      }
      const sends = [channel.send({ first: true }), channel.send(item), channel.send({ last: true })]
      const ends = Promise.allSettled(sends)
      const received: unknown[] = []
      if (!channel.closed) queueMicrotask(() => channel.close())
      for await (const value of channel) received.push(value)
      const values = received.filter((value) => typeof value === 'object')
      const outcomes = (await ends).map(({ status }) => status)
      const sent = outcomes.filter((outcome) => outcome === 'fulfilled').length
      t.is(values.length, sent, `${inner} with ${capacity}: ${outcomes}`)
      t.deepEqual(values[0], { first: true })
      if (inner !== 'close') t.deepEqual(values.at(-1), { last: true })
      if (inner === 'send') t.true(received.includes('from the getter'))
    }
  }
})

test('sends, some awaited, and receives in any order: each item once, in order, each send told', async (t) => {
  const random = new Random(t)
  const below = (n: number) => random.below(n)
  for (let round = 0; round < 100; round++) {
    const channel = new Channel<unknown>({ capacity: 1 + below(40) })
    const sends: Promise<void>[] = []
    const received: number[] = []
    const sender = async (): Promise<void> => {
      for (let n = 0; n < 300; n++) {
        const sent = channel.send(
          below(2) === 0 ? n : { n },
          below(20) === 0 ? { timeout: 60_000 } : undefined,
        )
        sends.push(sent)
        if (below(30) === 0) await sent
        if (below(30) === 0) await turns(1)
      }
      channel.close()
    }
    const receiver = async (): Promise<void> => {
      for (;;) {
        const items = await channel.receiveMany(1 + below(20))
        if (items.length === 0) return
        for (const item of items) received.push(typeof item === 'number' ? item : (item as { n: number }).n)
        if (below(5) === 0) await turns(below(3))
      }
    }
    await Promise.all([sender(), receiver()])
    await Promise.all(sends)
    t.deepEqual(received, [...Array(300).keys()])
    t.is(channel.stats().waitingSends, 0)
  }
})
