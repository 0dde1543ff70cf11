import test from 'ava'
import { Channel, InvalidOptionError, noop, ProducerConsumerSystem } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { until } from './helpers/gate.js'
import { Random } from './helpers/random.js'
import { Thread } from './helpers/worker.js'

const NEVER = 2 ** 31 - 1

test('items of the highest priority come first, in the order of their sends', async (t) => {
  const channel = new Channel<string>({ priorities: 3, aging: NEVER })
  await channel.send('a')
  await channel.send('b', { priority: 1 })
  await channel.sendMany(['c', 'd'], { priority: 2 })
  t.true(channel.trySend('e', { priority: 1 }))
  await channel.send('f', { priority: 0 })
  await channel.send('g', { priority: 2, id: 'own', headers: { of: 'g' } })
  t.deepEqual(channel.tryReceive(), { value: 'c' })
  t.is(await channel.receive(), 'd')
  const lease = await channel.lease()
  t.deepEqual([lease.item, lease.id, lease.headers], ['g', 'own', { of: 'g' }])
  lease.settle()
  t.deepEqual(await channel.receiveMany(9), ['b', 'e', 'a', 'f'])
  channel.close()
  t.deepEqual(await channel.receiveMany(1), [])
})

test('with a full channel and more that wait, a higher priority is received next', async (t) => {
  const channel = new Channel<number>({ capacity: 3, priorities: 2, aging: NEVER })
  const flood = Array.from({ length: 50 }, (_, item) => channel.send(item))
  await until(() => channel.stats().waitingSends >= 47)
  t.is(channel.length, 3)
  const urgent = [channel.send(100, { priority: 1 }), channel.sendMany([101, 102], { priority: 1 })]
  t.false(channel.trySend(103, { priority: 1 }), 'only what waits goes past a full channel')
  for (const item of [100, 101, 102]) t.is(await channel.receive(), item)
  await Promise.all(urgent)
  t.is(channel.length, 3)
  for (let item = 0; item < 50; item++) t.is(await channel.receive(), item)
  await Promise.all(flood)
  t.is(channel.stats().peakQueued, 3)
  t.is(channel.stats().leased, 0)
})

test('a loop takes nothing ahead that it has not seen', async (t) => {
  const channel = new Channel<number>({ priorities: 2, aging: NEVER })
  await channel.sendMany(Array.from({ length: 500 }, (_, item) => item))
  let seen = 0
  for await (const item of channel) {
    if (seen % 10 === 5) t.is(item, -seen)
    seen++
    if (seen % 10 === 5) await channel.send(-seen, { priority: 1 })
    if (seen === 300) break
  }
  t.is(channel.length, 500 + 30 - 300)
})

test('the lowest priority advances under a flood of the highest, also while it waits', async (t) => {
  const channel = new Channel<number>({ capacity: 4, priorities: 3, aging: 3 })
  const sends: Promise<void>[] = []
  for (let item = 0; item < 8; item++) sends.push(channel.send(1, { priority: 2 }))
  for (let item = 0; item < 10; item++) sends.push(channel.send(0))
  let highs = 0
  for (let lows = 0; lows < 10; ) {
    // As many come as go, so that the channel stays full of them.
    sends.push(channel.send(1, { priority: 2 }))
    if ((await channel.receive()) === 0) lows++
    else highs++
  }
  t.true(highs > 50, `there was a flood, of ${highs}`)
  channel.abort()
  await Promise.allSettled(sends)
})

test('priorities and their options are checked', async (t) => {
  const invalid = (option: string) => (error: unknown) =>
    error instanceof InvalidOptionError && error.option === option
  const bad: [option: string, options: object][] = [
    ...[0, -1, 17, 1.5, '2', null, Number.NaN].map((priorities): [string, object] => [
      'priorities',
      { priorities },
    ]),
    ...[0, -1, '5', null, Number.NaN, Number.POSITIVE_INFINITY].map((aging): [string, object] => [
      'aging',
      { priorities: 2, aging },
    ]),
    ['aging', { aging: 5 }],
  ]
  for (const [option, options] of bad) {
    t.true(invalid(option)(t.throws(() => new Channel(options))), JSON.stringify(options))
  }
  const channel = new Channel<number>({ priorities: 16 })
  for (const priority of [-1, 16, 0.5, '1', null, Number.NaN]) {
    const options = { priority } as { priority: number }
    t.true(invalid('priority')(await t.throwsAsync(channel.send(1, options))))
    t.true(invalid('priority')(await t.throwsAsync(channel.sendMany([1], options))))
    t.true(invalid('priority')(t.throws(() => channel.trySend(1, options))))
  }
  const plain = new Channel<number>()
  const error = await t.throwsAsync(plain.send(1, { priority: 0 }), { instanceOf: InvalidOptionError })
  t.regex(String(error?.message), /^priority: expected none for a channel without priorities/)
  t.throws(() => plain.trySend(1, { prority: 1 } as object), { instanceOf: InvalidOptionError })
  t.is(channel.length + plain.length, 0)
})

const SEND = `
  const channel = Channel.attach(data.token)
  try {
    channel.trySend(-1, { priority: data.priorities })
    say('no error')
  } catch (error) {
    say(error.option)
  }
  let state = data.seed
  const below = (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >> 8) % limit
  }
  const waiting = []
  for (let n = 0; n < data.count; n++) {
    const priority = below(data.priorities)
    const item = { from: data.index, n, priority }
    switch (below(4)) {
      case 0: channel.sendSync(item, { priority }); break
      case 1: if (!channel.trySend(item, { priority })) await channel.send(item, { priority }); break
      case 2: await channel.send(item, { priority }); break
      default: waiting.push(channel.send(item, { priority }))
    }
    if (waiting.length > 50) await Promise.all(waiting.splice(0))
  }
  await Promise.all(waiting)
  say('sent')
`

test('threads send at random priorities: each item once, each priority of a thread in order', async (t) => {
  const random = new Random(t)
  const [priorities, count] = [4, 1500]
  for (const capacity of [1, 7, 1000]) {
    const channel = new Channel<{ from: number; n: number; priority: number }>({
      capacity,
      priorities,
      aging: 5,
    })
    const threads = [0, 1, 2].map((index) => {
      const seed = random.below(2 ** 30)
      return new Thread(t, SEND, { token: channel.token, index, count, priorities, seed })
    })
    const last = new Map<string, number>()
    let received = 0
    const see = ({ from, n, priority }: { from: number; n: number; priority: number }): void => {
      const lane = `${from} ${priority}`
      t.true((last.get(lane) ?? -1) < n, `${n} of ${lane}`)
      last.set(lane, n)
      received++
    }
    while (received < 3 * count) {
      switch (random.below(4)) {
        case 0:
          see(await channel.receive())
          break
        case 1:
          for (const item of await channel.receiveMany(1 + random.below(20))) see(item)
          break
        case 2: {
          const lease = await channel.lease()
          see(lease.item)
          lease.settle()
          break
        }
        default:
          for await (const item of channel) {
            see(item)
            if (received === 3 * count || random.below(5) === 0) break
          }
      }
    }
    for (const thread of threads) {
      t.is(await thread.said(), 'priority')
      t.is(await thread.said(), 'sent')
    }
    t.is(received, 3 * count)
    t.is(channel.length, 0)
    t.true(channel.stats().peakQueued <= capacity)
  }
})

test('a thread that blocks in sendSync() goes first, too', async (t) => {
  const channel = new Channel<string>({ capacity: 1, priorities: 2, aging: NEVER })
  await channel.send('low')
  const thread = new Thread(
    t,
    `Channel.attach(data.token).sendSync('high', { priority: 1 })
     say('sent')`,
    { token: channel.token },
  )
  await until(() => channel.stats().waitingSends === 1)
  t.is(await channel.receive(), 'high')
  t.is(await thread.said(), 'sent')
  t.is(await channel.receive(), 'low')
})

test('what a native consumer takes of a send that waits is at no time more than the channel holds', async (t) => {
  const system = new ProducerConsumerSystem({ capacity: 1, consumers: 1, handler: noop(), priorities: 2 })
  await system.start()
  let passed = 0
  for (let round = 0; round < 2000; round++) {
    const sends = []
    for (let n = 0; n < 10; n++) {
      sends.push(system.send(n, { priority: n % 2 }))
      if (system.stats().queued > 1) passed++
    }
    await Promise.all(sends)
  }
  t.is(passed, 0)
  const report = await system.stop()
  t.is(report.processed, 20_000)
  assertConservation(t, report)
})
