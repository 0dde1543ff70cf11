import test from 'ava'
import {
  AbortedError,
  Channel,
  ClosedError,
  FullError,
  InvalidOptionError,
  MainThreadError,
  type Overflow,
  ProducerConsumerSystem,
  select,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns, until } from './helpers/gate.js'
import { runProgram } from './helpers/program.js'
import { Random } from './helpers/random.js'
import { Thread } from './helpers/worker.js'

const DROPS = ['drop-newest', 'drop-oldest'] as const

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n)
}

async function drain<T>(channel: Channel<T>): Promise<T[]> {
  channel.close()
  const items: T[] = []
  for await (const item of channel) items.push(item)
  return items
}

for (const [overflow, kept, gone] of [
  ['drop-newest', range(0, 3), range(3, 10)],
  ['drop-oldest', range(7, 10), range(0, 7)],
] as const) {
  test(`${overflow}: every send resolves, and what is dropped is told and counted`, async (t) => {
    for (const way of ['send', 'sendMany', 'unawaited'] as const) {
      const dropped: unknown[] = []
      const channel = new Channel<{ n: number }>({
        capacity: 3,
        overflow,
        onDrop: (item) => dropped.push(item),
      })
      const items = range(0, 10).map((n) => ({ n }))
      if (way === 'sendMany') await channel.sendMany(items)
      else if (way === 'unawaited') for (const item of items) void channel.send(item)
      else for (const item of items) await channel.send(item)
      t.deepEqual(
        dropped,
        gone.map((n) => ({ n })),
      )
      const { queued, peakQueued, dropped: count } = channel.stats()
      t.deepEqual([queued, peakQueued, count], [3, 3, 7])
      t.deepEqual(
        await drain(channel),
        kept.map((n) => ({ n })),
      )
    }
  })
}

test('reject: a send without room rejects at once, and its item is not in the channel', async (t) => {
  const channel = new Channel<number>({ capacity: 3, overflow: 'reject', onDrop: () => t.fail() })
  const error = await t.throwsAsync(channel.sendMany(range(0, 5)), {
    instanceOf: FullError,
    code: 'ERR_MILLRACE_FULL',
  })
  t.is((error as FullError).accepted, 3)
  const none = await t.throwsAsync(channel.sendMany([9]), { instanceOf: FullError })
  t.is((none as FullError).accepted, 0)
  await t.throwsAsync(channel.send(9), { instanceOf: FullError })
  await t.throwsAsync(channel.send(9, { id: 'labeled', timeout: 5 }), { instanceOf: FullError })
  t.false(channel.trySend(9))
  t.is(await channel.receive(), 0)
  await channel.send(3)
  t.is(channel.stats().dropped, 0)
  t.is(channel.stats().waitingSends, 0)
  t.deepEqual(await drain(channel), [1, 2, 3])
})

test('a lone sender that sends item by item uses all of the capacity, and the order stays', async (t) => {
  for (const overflow of ['reject', ...DROPS] as const) {
    const channel = new Channel<number>({ capacity: 1000, overflow })
    for (const n of range(0, 1000)) await channel.send(n)
    t.is(channel.length, 1000)
    t.deepEqual(await drain(channel), range(0, 1000))
  }
})

test('waiting is the default, and what it was', async (t) => {
  const channel = new Channel<number>({ capacity: 1, overflow: 'wait' })
  await channel.send(1)
  const waits = channel.send(2)
  t.is(channel.stats().waitingSends, 1)
  t.is(await channel.receive(), 1)
  await waits
  t.is(channel.stats().dropped, 0)
})

test('trySend and select drop nothing', async (t) => {
  for (const overflow of ['reject', ...DROPS] as const) {
    const channel = new Channel<number>({ capacity: 1, overflow, onDrop: () => t.fail() })
    t.true(channel.trySend(1))
    t.false(channel.trySend(2))
    const selected = select([channel.sending(3)])
    await turns(2)
    t.is(await channel.receive(), 1)
    await selected
    t.is(await channel.receive(), 3)
    t.is(channel.stats().dropped, 0)
  }
})

test('an item that was leased and came back makes no room', async (t) => {
  const dropped: number[] = []
  const channel = new Channel<number>({
    capacity: 1,
    overflow: 'drop-oldest',
    onDrop: (n) => dropped.push(n),
  })
  await channel.send(1)
  const lease = await channel.lease()
  await channel.send(2)
  lease.retry()
  await channel.send(3)
  t.deepEqual(dropped, [2])
  t.is(await channel.receive(), 1)
  t.is(await channel.receive(), 3)
})

test('a loop over a channel that drops the oldest holds none of them', async (t) => {
  const channel = new Channel<number>({ capacity: 8, overflow: 'drop-oldest' })
  await channel.sendMany(range(0, 8))
  const seen: number[] = []
  for await (const n of channel) {
    seen.push(n)
    if (seen.length === 4) await channel.sendMany(range(100, 108))
    if (n === 107) break
  }
  t.deepEqual(seen, [...range(0, 4), ...range(100, 108)])
})

test('after an end sends are refused', async (t) => {
  for (const overflow of ['reject', ...DROPS] as const) {
    const channel = new Channel<number>({ capacity: 1, overflow, onDrop: () => t.fail() })
    await channel.send(1)
    channel.close()
    await t.throwsAsync(channel.send(2), { instanceOf: ClosedError })
    const error = await t.throwsAsync(channel.sendMany([2]), { instanceOf: ClosedError })
    t.is((error as ClosedError).accepted, 0)
    channel.abort()
    await t.throwsAsync(channel.send(2), { instanceOf: AbortedError })
  }
})

test('what onDrop throws fails no send, and is an uncaught exception', async (t) => {
  const { code, stdout } = await runProgram(
    t,
    `const { Channel } = await import(new URL('index.js', library))
    const thrown = []
    process.on('uncaughtException', (error) => thrown.push(error.message))
    const onDrop = (n) => { throw new Error('dropped ' + n) }
    const channel = new Channel({ capacity: 1, overflow: 'drop-oldest', onDrop })
    await channel.sendMany([1, 2, 3])
    await channel.send(4)
    const system = new ProducerConsumerSystem({ capacity: 1, overflow: 'drop-newest', onDrop, handler: () => {} })
    await system.send(5)
    await system.send(6)
    while (thrown.length < 4) await new Promise(setImmediate)
    console.log(channel.length, thrown.join())`,
  )
  t.is(code, 0)
  t.is(stdout, '1 dropped 1,dropped 2,dropped 3,dropped 6\n')
})

test('onDrop may send into the channel', async (t) => {
  const dropped: number[] = []
  const channel: Channel<number> = new Channel<number>({
    capacity: 2,
    overflow: 'drop-oldest',
    onDrop(n) {
      dropped.push(n)
      if (n < 5) void channel.send(n + 100)
    },
  })
  await channel.sendMany(range(0, 7))
  t.deepEqual(dropped.filter((n) => n < 5).sort(), range(0, 5))
  const left = await drain(channel)
  t.is(left.length, 2)
  t.is(new Set([...dropped, ...left]).size, 12)
})

test('bad options are refused by name', (t) => {
  const handler = (): void => {}
  for (const overflow of ['drop', '', 'Wait', 1, null, ['wait']]) {
    for (const make of [
      () => new Channel({ overflow: overflow as Overflow }),
      () => new ProducerConsumerSystem({ overflow: overflow as Overflow, handler }),
    ]) {
      const error = t.throws(make, { instanceOf: InvalidOptionError })
      t.is((error as InvalidOptionError).option, 'overflow')
    }
  }
  const channel = new Channel<unknown>()
  for (const onDrop of [null, 'drop', {}]) {
    for (const make of [
      () => new Channel({ onDrop: onDrop as never }),
      () => Channel.attach(channel.token, { onDrop: onDrop as never }),
      () => new ProducerConsumerSystem({ onDrop: onDrop as never, handler }),
    ]) {
      const error = t.throws(make, { instanceOf: InvalidOptionError })
      t.is((error as InvalidOptionError).option, 'onDrop')
    }
  }
  t.throws(() => Channel.attach(channel.token, { overflow: 'reject' } as never), {
    instanceOf: InvalidOptionError,
  })
  for (const options of [{ overflow: 'reject' }, { onDrop: handler }] as const) {
    t.throws(() => new ProducerConsumerSystem({ channel, handler, ...options }), {
      instanceOf: InvalidOptionError,
    })
  }
  channel.close()
})

test('who attaches has the same overflow, and an onDrop of its own', async (t) => {
  const here: unknown[] = []
  const channel = new Channel<number>({ capacity: 1, overflow: 'drop-oldest', onDrop: (n) => here.push(n) })
  await channel.send(0)
  const other: number[] = []
  const second = Channel.attach(channel.token, { onDrop: (n) => other.push(n) })
  const third = Channel.attach(channel.token)
  await second.send(1)
  await third.send(2)
  const thread = new Thread(
    t,
    `const dropped = []
    const channel = Channel.attach(data.token, { onDrop: (n) => dropped.push(n) })
    await channel.send(3)
    channel.sendSync(4)
    say(dropped)`,
    { token: channel.token },
  )
  t.deepEqual(await thread.said(), [2, 3])
  t.deepEqual([here, other], [[], [0]])
  t.is(channel.stats().dropped, 4)
  t.throws(() => channel.sendSync(5), { instanceOf: MainThreadError })
  await channel.send(5)
  t.deepEqual(here, [4])
  const rejecting = new Channel<number>({ capacity: 1, overflow: 'reject' })
  await rejecting.send(0)
  const refused = new Thread(
    t,
    `const channel = Channel.attach(data.token)
    try { channel.sendSync(1) } catch (error) { say(error.code) }
    await channel.send(1).catch((error) => say(error.code))`,
    { token: rejecting.token },
  )
  t.is(await refused.said(), 'ERR_MILLRACE_FULL')
  t.is(await refused.said(), 'ERR_MILLRACE_FULL')
})

const SENDS = `
  const dropped = []
  const refused = []
  const channel = Channel.attach(data.token, { onDrop: (n) => dropped.push(n) })
  let state = data.seed
  const below = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % limit
  }
  for (let n = data.from; n < data.from + data.count; ) {
    const items = Array.from({ length: Math.min(1 + below(4), data.from + data.count - n) }, (_, i) => n + i)
    n += items.length
    let accepted = items.length
    const refuse = (error) => {
      if (error.code !== 'ERR_MILLRACE_FULL') throw error
      accepted = error.accepted ?? 0
    }
    if (items.length > 1) await channel.sendMany(items).catch(refuse)
    else if (below(2) === 0) await channel.send(items[0]).catch(refuse)
    else try { channel.sendSync(items[0]) } catch (error) { refuse(error) }
    refused.push(...items.slice(accepted))
    if (below(20) === 0) await new Promise(setImmediate)
  }
  say({ dropped, refused })
`

test('several threads send: each item is received, dropped or refused once, in order', async (t) => {
  const random = new Random(t)
  for (const overflow of ['reject', ...DROPS] as const) {
    for (let round = 0; round < 3; round++) {
      const [senders, count, capacity] = [1 + random.below(3), 500, 1 + random.below(8)]
      const channel = new Channel<number>({ capacity, overflow })
      const threads = range(0, senders).map(
        (index) =>
          new Thread(t, SENDS, {
            token: channel.token,
            seed: random.below(2 ** 32),
            from: index * count,
            count,
          }),
      )
      const receiving = (async () => {
        const seen: number[] = []
        try {
          for (;;) {
            if (random.below(3) > 0) seen.push(...(await channel.receiveMany(1 + random.below(3))))
            else if (random.below(2) === 0) seen.push(await channel.receive())
            else for await (const n of channel) if (seen.push(n) % 7 === 0) break
            if (random.below(4) === 0) await turns(1)
            if (channel.closed && channel.length === 0) await channel.receive()
          }
        } catch (error) {
          if (!(error instanceof ClosedError)) throw error
        }
        return seen
      })()
      const said = await Promise.all(
        threads.map((thread) => thread.said<{ dropped: number[]; refused: number[] }>()),
      )
      channel.close()
      const seen = await receiving
      const dropped = said.flatMap((each) => each.dropped)
      const refused = said.flatMap((each) => each.refused)
      t.deepEqual(
        [...seen, ...dropped, ...refused].sort((a, b) => a - b),
        range(0, senders * count),
      )
      for (let index = 0; index < senders; index++) {
        const own = seen.filter((n) => Math.floor(n / count) === index)
        t.deepEqual(
          own,
          [...own].sort((a, b) => a - b),
        )
      }
      const stats = channel.stats()
      t.deepEqual([stats.dropped, stats.queued, stats.discarded], [dropped.length, 0, 0])
      t.true(stats.peakQueued <= capacity)
      t.is(overflow === 'reject', dropped.length === 0)
    }
  }
})

// Systems.

test('a system drops what finds no room: produced, discarded and told', async (t) => {
  for (const [overflow, kept] of [
    ['drop-newest', range(0, 3)],
    ['drop-oldest', range(7, 10)],
  ] as const) {
    const [dropped, handled]: [number[], number[]] = [[], []]
    const system = new ProducerConsumerSystem({
      capacity: 3,
      overflow,
      onDrop: (n: number) => dropped.push(n),
      handler: (n: number) => void handled.push(n),
    })
    for (const n of range(0, 5)) await system.send(n)
    await system.sendMany(range(5, 10))
    t.false(system.trySend(10))
    const before = system.stats()
    t.deepEqual([before.produced, before.discarded, before.queued, before.peakQueued], [10, 7, 3, 3])
    await system.start()
    await system.idle()
    const stats = await system.stop()
    t.deepEqual(handled, kept)
    t.deepEqual(
      dropped,
      range(0, 10).filter((n) => !kept.includes(n)),
    )
    t.deepEqual([stats.processed, stats.discarded, stats.deadLettered], [3, 7, 0])
    assertConservation(t, stats)
  }
})

test('a system that rejects, without room', async (t) => {
  const system = new ProducerConsumerSystem({
    capacity: 2,
    overflow: 'reject',
    handler: (n: number) => n * 2,
  })
  const error = await t.throwsAsync(system.sendMany([1, 2, 3]), { instanceOf: FullError })
  t.is((error as FullError).accepted, 2)
  await t.throwsAsync(system.send(3), { instanceOf: FullError })
  await t.throwsAsync(system.run(3), { instanceOf: FullError })
  await t.throwsAsync(system.run(3, { timeout: 1000 }), { instanceOf: FullError })
  await system.start()
  await system.idle()
  const runs = await Promise.allSettled(range(0, 5).map((n) => system.run(n)))
  t.deepEqual(
    runs.map((run) => (run.status === 'fulfilled' ? run.value : run.reason.code)),
    [0, 2, ...Array<string>(3).fill('ERR_MILLRACE_FULL')],
  )
  const stats = await system.stop()
  t.deepEqual([stats.produced, stats.processed, stats.discarded], [4, 4, 0])
  assertConservation(t, stats)
})

test('after the end of a system that tells what it drops, sends are refused', async (t) => {
  for (const [end, code] of [
    ['stop', 'ERR_MILLRACE_CLOSED'],
    ['abort', 'ERR_MILLRACE_ABORTED'],
  ] as const) {
    const onDrop = (): void => t.fail()
    const system = new ProducerConsumerSystem<unknown>({ overflow: 'drop-newest', onDrop, handler: () => {} })
    await system.start()
    await system[end]()
    await t.throwsAsync(system.send(1), { code })
    await t.throwsAsync(system.send({ n: 1 }), { code })
    await t.throwsAsync(system.sendMany([1, 2]), { code })
    await t.throwsAsync(system.run(1), { code })
    t.throws(() => system.trySend(1), { code })
  }
})

test('a run whose item is dropped rejects', async (t) => {
  for (const overflow of DROPS) {
    const system = new ProducerConsumerSystem({ capacity: 1, overflow, handler: (n: number) => n * 2 })
    const runs = [system.run(1, {}), system.run(2, {})]
    const [first, second] = overflow === 'drop-oldest' ? [1, 0] : [0, 1]
    let refusal: unknown
    runs[second]?.catch((error) => {
      refusal = error
    })
    // A system that was not started keeps nothing alive, and so not this.
    await until(() => refusal !== undefined)
    t.true(refusal instanceof FullError)
    await system.start()
    t.is(await runs[first], [2, 4][first])
    const stats = await system.stop()
    t.deepEqual([stats.produced, stats.processed, stats.discarded], [2, 1, 1])
    assertConservation(t, stats)
  }
})

test('a slow handler gets the latest', async (t) => {
  for (const consumers of [1, 2]) {
    const gate = new Gate()
    const handled: number[] = []
    const system = new ProducerConsumerSystem({
      consumers,
      capacity: 3,
      overflow: 'drop-oldest',
      handler: async (n: number) => {
        handled.push(n)
        await gate.opened
      },
    })
    await system.start()
    for (const n of range(0, 100)) {
      await system.send(n)
      await turns(1)
    }
    gate.open()
    const stats = await system.stop()
    t.deepEqual(handled, [...range(0, consumers), ...range(97, 100)])
    assertConservation(t, stats)
  }
})

test('a JavaScript source drops, and one of a system that rejects waits', async (t) => {
  for (const overflow of ['reject', ...DROPS] as const) {
    let dropped = 0
    const system = new ProducerConsumerSystem({
      source: range(0, 5000),
      capacity: 4,
      consumers: 1,
      overflow,
      onDrop: () => dropped++,
      handler: async () => {
        await turns(1)
      },
    })
    await system.start()
    const stats = await system.finished
    t.is(stats.produced, 5000)
    t.is(stats.discarded, dropped)
    t.is(dropped > 0, overflow !== 'reject')
    t.true(stats.peakQueued <= 4)
    assertConservation(t, stats)
  }
})

test('handlers that send into their own full system drop rather than wait for each other', async (t) => {
  for (const overflow of DROPS) {
    let handled = 0
    const system: ProducerConsumerSystem<number, void> = new ProducerConsumerSystem<number, void>({
      capacity: 2,
      consumers: 1,
      overflow,
      handler: async (n, context) => {
        handled++
        if (n > 0) for (let i = 0; i < 5; i++) await context.send(n - 1)
      },
    })
    await system.start()
    await system.send(3)
    await system.idle()
    const stats = await system.stop()
    t.true(handled > 1 && stats.discarded > 0)
    assertConservation(t, stats)
  }
})

test('a module handler with a channel that drops', async (t) => {
  for (const overflow of DROPS) {
    const dropped: unknown[] = []
    const system = new ProducerConsumerSystem<number, unknown>({
      capacity: 5,
      consumers: 2,
      overflow,
      onDrop: (n) => dropped.push(n),
      handler: new URL('./modules/plain.js', import.meta.url),
    })
    await system.start()
    for (const n of range(0, 2000)) await system.send(n)
    await system.idle()
    const stats = await system.stop()
    t.is(stats.produced, 2000)
    t.is(stats.discarded, dropped.length)
    t.is(stats.processed + stats.deadLettered + stats.discarded, 2000)
    assertConservation(t, stats)
  }
})

test('with priorities, keys and retries every item is processed, dead-lettered or dropped', async (t) => {
  for (const overflow of DROPS) {
    const [dropped, handled]: [number[], number[]] = [[], []]
    const system = new ProducerConsumerSystem({
      capacity: 4,
      consumers: 2,
      overflow,
      onDrop: (n: number) => dropped.push(n),
      priorities: 3,
      key: (n: number) => String(n % 5),
      retry: { attempts: 2 },
      handler: async (n: number, { attempt }) => {
        await turns(1)
        if (n % 7 === 0 || (n % 3 === 0 && attempt === 1)) throw new Error('no')
        handled.push(n)
      },
    })
    await system.start()
    for (const n of range(0, 600)) {
      await system.send(n, { priority: n % 3 })
      if (n % 2 === 0) await turns(1)
    }
    await system.idle()
    const stats = await system.stop()
    assertConservation(t, stats)
    t.deepEqual([stats.produced, stats.discarded], [600, dropped.length])
    t.true(dropped.length > 0 && stats.deadLettered > 0)
    const letters = range(0, 600).filter((n) => !handled.includes(n) && !dropped.includes(n))
    t.true(letters.every((n) => n % 7 === 0))
    t.is(handled.length + dropped.length + letters.length, 600)
    t.is(letters.length, stats.deadLettered)
  }
})
