import test from 'ava'
import {
  type Context,
  handlerModule,
  ProducerConsumerSystem,
  type SystemOptions,
  WouldDeadlockError,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, until } from './helpers/gate.js'
import type * as Keyed from './modules/keyed.js'
import { fanOut, relay, spread } from './modules/keyed.js'

const KEYED = new URL('./modules/keyed.js', import.meta.url)

const SENT = -1

test('the last consumer that could make room is not let wait', async (t) => {
  const outcomes: string[] = []
  const both = new Gate()
  let started = 0
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 2,
    handler: async (item: number, context) => {
      if (item >= 10) return
      if (++started === 2) both.open()
      await both.opened
      for (const next of [10, 11, 12]) {
        await context.send(next).then(
          () => outcomes.push('sent'),
          (error) => {
            t.true(error instanceof WouldDeadlockError)
            outcomes.push(error.code)
          },
        )
      }
    },
  })
  await system.start()
  await system.sendMany([1, 2])
  // Without the refusal both would wait for ever, each for the other.
  await system.idle()
  t.is(outcomes.length, 6)
  t.true(outcomes.includes('ERR_MILLRACE_WOULD_DEADLOCK'))
  t.true(outcomes.includes('sent'))
  assertConservation(t, await system.stop())
})

test('a single consumer is never let wait', async (t) => {
  const codes: string[] = []
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 1,
    handler: async (item: number, context) => {
      if (item > 0) return
      await context.send(1)
      await context.send(2).catch((error) => codes.push(error.code))
    },
  })
  await system.start()
  await system.send(0)
  await system.idle()
  t.deepEqual(codes, ['ERR_MILLRACE_WOULD_DEADLOCK'])
  const report = await system.stop()
  t.is(report.processed, 2)
  assertConservation(t, report)
})

test('whoever got its item as another was settled counts as waiting, too', async (t) => {
  t.timeout(20_000)
  // How many items go from a settled promise straight to the next depends on the clock.
  for (const before of [5, 10, 20, 50, 1000, 5000]) {
    const codes = new Set<string>()
    const system = new ProducerConsumerSystem({
      capacity: 64,
      consumers: 2,
      source: function* () {
        for (let item = 0; item < before + 200; item++) yield item
      },
      handler: async (item: number, context) => {
        if (item < before || item === SENT) return
        // The source keeps the channel full.
        for (let sends = 0; sends < 3; sends++)
          await context.send(SENT).catch((error) => codes.add(error.code))
      },
    })
    await system.start()
    assertConservation(t, await system.finished)
    t.true(codes.has('ERR_MILLRACE_WOULD_DEADLOCK'), `${before} before`)
  }
})

test('a handler that is through no longer counts as waiting, whatever its sends do', async (t) => {
  const handled: number[] = []
  const refused: number[] = []
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 2,
    handler: (item: number, context) => {
      handled.push(item)
      if (item === 0) {
        // Not awaited: the first fills the channel, the others wait behind it.
        for (const next of [1, 2, 3]) context.send(next).catch(() => refused.push(next))
      }
    },
  })
  await system.start()
  await system.send(0)
  await until(() => handled.length === 4)
  t.deepEqual(handled, [0, 1, 2, 3])
  t.deepEqual(refused, [])
  assertConservation(t, await system.stop())
})

test('ctx.send honours its options', async (t) => {
  const reasons: unknown[] = []
  const reason = new Error('stop that')
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 2,
    handler: async (item: number, context) => {
      if (item > 0) return
      const signal = AbortSignal.abort(reason)
      await context.send(1, { signal }).catch((error) => reasons.push(error))
      await context.send(1, { timeout: -1 }).catch((error) => reasons.push(error.code))
    },
  })
  await system.start()
  await system.send(0)
  await system.idle()
  t.deepEqual(reasons, [reason, 'ERR_MILLRACE_INVALID_OPTION'])
  assertConservation(t, await system.stop())
})

test('where outcomes have room for fewer, fewer are let wait', async (t) => {
  for (const options of [
    { capacity: 2, results: true },
    { deadLetters: { keep: 2, whenFull: 'block' } },
    { capacity: 4, results: true, batch: { size: 2 } },
    { capacity: 2, results: true, retry: { attempts: 2, retryIf: () => false } },
  ] as const) {
    const codes: string[] = []
    const handle = async (item: number, context: Context<number>): Promise<number> => {
      await null
      if (item < 100)
        for (const next of [item + 100, item + 200])
          await context.send(next).catch((error) => codes.push(error.code))
      return item
    }
    const system = new ProducerConsumerSystem<number, number>({
      capacity: 2,
      consumers: 3,
      ...options,
      handler: ('batch' in options
        ? (items: number[], context: Context<number>) =>
            Promise.all(items.map((item) => handle(item, context)))
        : handle) as unknown as (item: number) => number,
    } as SystemOptions<number, number>)
    await system.start()
    const reading = (async () => {
      if ('results' in options) for await (const _ of system.results());
    })()
    await system.sendMany([0, 1, 2, 3, 4, 5])
    await system.idle()
    t.true(codes.every((code) => code === 'ERR_MILLRACE_WOULD_DEADLOCK'))
    assertConservation(t, await system.stop())
    await reading
  }
})

const init = new SharedArrayBuffer(4)

for (const [kind, handler] of [
  ['a function', spread],
  [
    'a module',
    handlerModule<typeof Keyed, 'spread'>(KEYED, { export: 'spread', init: new SharedArrayBuffer(4) }),
  ],
] as const) {
  test(`whoever sends items of its own item's key is let wait while others make room, and no longer: ${kind}`, async (t) => {
    for (const priorities of [undefined, 2]) {
      const system = new ProducerConsumerSystem<number, string[]>({
        consumers: 4,
        capacity: 3,
        handler,
        // So that the function, too, knows of keys.
        retry: { attempts: 1 },
        key: () => 'a',
        ...(priorities && { priorities }),
      })
      await system.start()
      // Three have room, and the others wait for those, which wait for the one that sends. A refusal for each is enough.
      t.deepEqual(await system.run(6), Array(3).fill('ERR_MILLRACE_WOULD_DEADLOCK'))
      t.deepEqual(await system.run(2), [])
      // Of other keys: whoever is free handles them.
      t.deepEqual(await system.run(31), [])
      await system.idle()
      const report = await system.stop()
      t.is(report.processed, 3 + 3 + 2 + 31)
      assertConservation(t, report)
    }
  })
}

test('two that hold each a key, and wait to send items of it, are told apart from two that only wait', async (t) => {
  const codes: string[] = []
  const both = new Gate()
  let begun = 0
  const system = new ProducerConsumerSystem<string>({
    consumers: 8,
    capacity: 4,
    key: (item) => item[0] as string,
    handler: async (item, context) => {
      if (item.length > 1) return
      if (++begun === 2) both.open()
      await both.opened
      for (let part = 0; part < 10; part++)
        await context.send(`${item}${part}`).catch((error) => codes.push(error.code))
    },
  })
  await system.start()
  await system.sendMany(['a', 'b'])
  await system.idle()
  const report = await system.stop()
  t.true(codes.length > 0)
  t.deepEqual([...new Set(codes)], ['ERR_MILLRACE_WOULD_DEADLOCK'])
  t.is(report.processed, 2 + 20 - codes.length)
  assertConservation(t, report)
})

test('whose send was admitted in this very turn is known not to wait', async (t) => {
  for (const retry of [undefined, { attempts: 2, retryIf: () => false }]) {
    const [a, b] = [new Gate(), new Gate()]
    const system: ProducerConsumerSystem<string, void> = new ProducerConsumerSystem({
      consumers: 2,
      capacity: 1,
      ...(retry && { retry }),
      handler: async (item: string, context) => {
        if (item === 'a') {
          await a.opened
          await context.send('from a')
        }
        if (item === 'b') await b.opened
        // That this one was taken has admitted the send of a, which has not heard of it.
        if (item === 'next') await context.send('from next')
      },
    })
    const letters: unknown[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    await system.sendMany(['a', 'b'])
    await until(() => system.stats().inFlight === 2)
    await system.send('next')
    a.open()
    await until(() => system.stats().waitingSends === 1)
    b.open()
    await system.idle()
    const report = await system.stop()
    t.deepEqual(letters, [])
    t.is(report.processed, 5)
  }
})

for (const [kind, handler] of [
  ['a function', relay],
  ['a module', handlerModule<typeof Keyed, 'relay'>(KEYED, { export: 'relay', init })],
] as const) {
  test(`where there are too few items for all to wait, none is refused: ${kind}`, async (t) => {
    t.timeout(60_000)
    const LENGTH = 500
    for (const [consumers, capacity] of [
      [2, 1],
      [3, 4],
      [2, 50],
    ] as const) {
      // Of so many at a time the last to be sent finds room, or a consumer that is free.
      const chains = consumers + capacity - 1
      const system = new ProducerConsumerSystem<number, void>({ consumers, capacity, handler })
      await system.start()
      await system.sendMany(Array(chains).fill(LENGTH))
      const all = chains * (LENGTH + 1)
      await until(() => {
        const { processed, deadLettered } = system.stats()
        return processed === all || deadLettered > 0
      })
      const report = await system.stop()
      t.deepEqual([report.processed, report.deadLettered], [all, 0])
    }
  })
}

for (const [kind, handler] of [
  ['a function', fanOut],
  ['a module', handlerModule<typeof Keyed, 'fanOut'>(KEYED, { export: 'fanOut', init })],
] as const) {
  test(`who waits for two sends is one consumer that waits: ${kind}`, async (t) => {
    const system = new ProducerConsumerSystem<string, void>({ consumers: 2, capacity: 1, handler })
    await system.start()
    await system.sendMany(['busy', 'two', 'one more'])
    await system.idle()
    const report = await system.stop()
    t.deepEqual([report.processed, report.deadLettered], [5, 0])
  })
}

test('where sends do not wait, what the only consumer sends goes the way of the policy', async (t) => {
  const handler = handlerModule<typeof Keyed, 'spread'>(KEYED, { export: 'spread', init })
  for (const [overflow, codes] of [
    ['reject', ['ERR_MILLRACE_FULL', 'ERR_MILLRACE_FULL']],
    ['drop-newest', []],
    ['drop-oldest', []],
  ] as const) {
    const system = new ProducerConsumerSystem<number, string[]>({
      consumers: 1,
      capacity: 2,
      overflow,
      handler,
    })
    await system.start()
    t.deepEqual(await system.run(4), [...codes], overflow)
    assertConservation(t, await system.stop())
  }
})

test('an item that waits for room is read once', async (t) => {
  let read = 0
  const system = new ProducerConsumerSystem<{ value: number }>({
    consumers: 2,
    capacity: 1,
    key: () => undefined,
    handler: async ({ value }, context) => {
      if (value !== 0) return
      const counted = {
        get value() {
          return ++read
        },
      }
      // The first takes the room.
      await Promise.all([context.send({ value: 1 }), context.send(counted)])
    },
  })
  await system.start()
  await system.send({ value: 0 })
  await until(() => system.stats().processed === 3)
  await system.stop()
  t.is(read, 1)
})

test("a module's sends that nobody waits for refuse none of those that another item waits for, and hide none", async (t) => {
  const source = `export default async (item, context) => {
    if (item === 'leaf') return
    if (item === 'fan') {
      for (let n = 0; n < 6; n++) context.send('wait').catch(() => {})
      return
    }
    await context.send('leaf')
  }`
  const system = new ProducerConsumerSystem<string>({
    consumers: 2,
    capacity: 1,
    handler: new URL(`data:text/javascript,${encodeURIComponent(source)}`),
  })
  await system.start()
  await system.sendMany(['fan', 'fan'])
  // Without the refusals both workers would wait for ever.
  await system.idle()
  for (const { error } of system.deadLetters)
    t.is((error as WouldDeadlockError).code, 'ERR_MILLRACE_WOULD_DEADLOCK')
  assertConservation(t, await system.stop())
})
