/** Handlers that get items together. */

import test from 'ava'
import { expectTypeOf } from 'expect-type'
import {
  BatchError,
  type BatchOptions,
  Channel,
  InvalidOptionError,
  noop,
  ProducerConsumerSystem,
  sequence,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, until } from './helpers/gate.js'
import { Random } from './helpers/random.js'

const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

test('items come in batches of the size, and results align', async (t) => {
  const sizes: number[] = []
  const system = new ProducerConsumerSystem({
    source: sequence({ of: 'number', limit: 95 }),
    producers: 1,
    handler: (items) => {
      expectTypeOf(items).toEqualTypeOf<number[]>()
      sizes.push(items.length)
      return items.map((n) => `no. ${n}`)
    },
    batch: { size: 10, within: 10_000 },
    results: true,
  })
  expectTypeOf(system).toEqualTypeOf<ProducerConsumerSystem<number, string>>()
  await system.start()
  const results: string[] = []
  for await (const result of system.results()) results.push(result)
  t.deepEqual(
    results,
    range(95).map((n) => `no. ${n}`),
  )
  t.deepEqual(sizes, [...range(9).map(() => 10), 5])
  assertConservation(t, await system.finished)
})

test('batches are full to the last, also where their handler takes the turns of the event loop', async (t) => {
  const sizes: number[] = []
  const system = new ProducerConsumerSystem({
    source: sequence({ of: 'number', limit: 305 }),
    producers: 1,
    handler: (items) => {
      sizes.push(items.length)
      const until = performance.now() + 6
      while (performance.now() < until);
      return items
    },
    batch: { size: 10, within: 10_000 },
  })
  await system.start()
  assertConservation(t, await system.finished)
  t.deepEqual(sizes, [...range(30).map(() => 10), 5])
})

test('a batch that is not full waits for others, and no longer than it may', async (t) => {
  const batches: number[][] = []
  const system = new ProducerConsumerSystem({
    handler: (items: number[]) => {
      batches.push(items)
      return items
    },
    batch: { size: 3, within: 400 },
  })
  await system.start()
  const began = performance.now()
  await system.send(1)
  t.is(await system.run(2), 2)
  t.true(performance.now() - began >= 399)
  t.deepEqual(batches, [[1, 2]])
  t.deepEqual(await Promise.all([3, 4, 5].map((n) => system.run(n))), [3, 4, 5])
  t.deepEqual(batches, [
    [1, 2],
    [3, 4, 5],
  ])
  await system.send(6)
  assertConservation(t, await system.stop())
  t.deepEqual(batches[2], [6])
})

test('each item can fail alone', async (t) => {
  const batches: number[][] = []
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: (items: number[], { attempt }) => {
      batches.push(items)
      const failed = items.flatMap((n, index): [number, Error][] =>
        n % 3 === 0 && attempt < 3 ? [[index, new Error(`no. ${n}`)]] : [],
      )
      if (failed.length > 0) throw new BatchError(failed, items.map(String))
      return items.map(String)
    },
    batch: { size: 6, within: 300 },
    retry: { attempts: 2 },
    results: true,
  })
  await system.start()
  const results: string[] = []
  const reading = (async () => {
    for await (const result of system.results()) results.push(result)
  })()
  await system.sendMany(range(6))
  await system.idle()
  assertConservation(t, await system.stop())
  await reading
  t.deepEqual(results.toSorted(), ['1', '2', '4', '5'])
  t.deepEqual(
    [...system.deadLetters].map(({ item, attempts, error }) => [item, attempts, (error as Error).message]),
    [
      [0, 2, 'no. 0'],
      [3, 2, 'no. 3'],
    ],
  )
  t.deepEqual(batches, [range(6), [0, 3]])
})

test('what is no array of a result for each item fails them all', async (t) => {
  for (const [given, message] of [
    [[1], 'batch: expected the handler to give 2 results in an array, got 1'],
    ['no', 'batch: expected the handler to give 2 results in an array, got string'],
    [undefined, 'batch: expected the handler to give 2 results in an array, got undefined'],
  ] as const) {
    const system = new ProducerConsumerSystem({
      handler: (_items: number[]) => given as never,
      batch: { size: 2, within: 1000 },
    })
    await system.start()
    const outcomes = await Promise.allSettled([system.run(1), system.run(2)])
    for (const outcome of outcomes)
      t.like(outcome, { status: 'rejected', reason: { code: 'ERR_MILLRACE_BATCH_RESULT', message } })
    assertConservation(t, await system.stop())
  }
})

test('a handler of batches whose results nobody wants need not give any', async (t) => {
  const system = new ProducerConsumerSystem({
    handler: async (_items: number[]): Promise<never[]> => undefined as never,
    batch: { size: 4 },
  })
  await system.start()
  await system.sendMany(range(10))
  t.like(await system.stop(), { processed: 10, deadLettered: 0 })
})

test('an abort gives back what was gathered, and gives up what is under way', async (t) => {
  const gate = new Gate()
  const system = new ProducerConsumerSystem({
    consumers: 1,
    capacity: 10,
    handler: async (items: number[]) => {
      await gate.opened
      return items
    },
    batch: { size: 3, within: 10_000 },
  })
  await system.start()
  await system.sendMany(range(8))
  await until(() => system.stats().inFlight === 3)
  const report = await system.abort()
  gate.open()
  assertConservation(t, report)
  t.is(report.deadLettered, 3)
  t.deepEqual(report.unprocessed, [3, 4, 5, 6, 7])
})

test('random batches conserve every item', async (t) => {
  t.timeout(60_000)
  const random = new Random(t)
  for (let round = 0; round < 60; round++) {
    const system = new ProducerConsumerSystem({
      consumers: 1 + random.below(3),
      capacity: 1 + random.below(30),
      batch: { size: 1 + random.below(12), within: random.below(3) },
      retry: { attempts: 1 + random.below(3) },
      handler: (items: number[]) => {
        const what = random.below(4)
        if (what === 0) throw new Error('all')
        if (what === 1) throw new BatchError([[random.below(items.length), new Error('one')]], items)
        return what === 2 ? Promise.resolve(items) : items
      },
      results: true,
    })
    await system.start()
    const results: number[] = []
    const reading = (async () => {
      for await (const n of system.results()) results.push(n)
    })()
    await system.sendMany(range(100))
    assertConservation(t, await system.stop())
    await reading
    const all = [...results, ...[...system.deadLetters].map(({ item }) => item)]
    t.deepEqual(
      all.toSorted((one, other) => one - other),
      range(100),
    )
  }
})

test('options that cannot be used are named', (t) => {
  for (const [batch, option] of [
    [{ size: 0 }, 'batch.size'],
    [{}, 'batch.size'],
    [{ size: 10_001 }, 'batch.size'],
    [{ size: 1, within: -1 }, 'batch.within'],
    [{ size: 1, delay: 1 }, 'batch.delay'],
    [5, 'batch'],
  ] as [BatchOptions, string][]) {
    const error = t.throws(() => new ProducerConsumerSystem({ handler: (items: number[]) => items, batch }))
    t.true(error instanceof InvalidOptionError && error.option === option, `${error?.message}`)
  }
  t.throws(() => new ProducerConsumerSystem({ handler: noop(), batch: { size: 2 } } as never), {
    message: /^batch: expected none beside a native handler/,
  })
})

for (const kind of ['a function', 'an asynchronous function']) {
  test(`a result that can't be read fails its own item, and the consumer goes on: ${kind}`, async (t) => {
    const answer = (items: number[]): number[] => {
      const results = [...items]
      if (items.includes(2)) {
        Object.defineProperty(results, 1, {
          get() {
            throw new Error('no such result')
          },
        })
      }
      const unreadable = (_: unknown, key: string | symbol): undefined => {
        if (key !== 'then') throw new Error('no such property')
      }
      if (items.includes(8)) return new Proxy<number[]>(results, { get: unreadable })
      return results
    }
    const system = new ProducerConsumerSystem({
      consumers: 1,
      batch: { size: 3, within: 1 },
      handler: kind === 'a function' ? answer : async (items: number[]) => answer(items),
    })
    await system.start()
    await system.sendMany([1, 2, 3])
    await system.idle()
    t.is(await system.run(7), 7)
    await t.throwsAsync(system.run(8), { code: 'ERR_MILLRACE_BATCH_RESULT' })
    const report = await system.stop()
    assertConservation(t, report)
    t.deepEqual([report.processed, report.deadLettered], [3, 2])
    t.deepEqual(
      [...system.deadLetters].map(({ item }) => item),
      [2, 8],
    )
  })
}

test('what may be taken once a result is in its channel is taken at once', async (t) => {
  const handed: number[] = []
  const sink = new Channel<number>({ capacity: 1 })
  const system = new ProducerConsumerSystem({
    consumers: 2,
    batch: { size: 2, within: 0 },
    deadLetters: { keep: 2, whenFull: 'block' },
    results: sink,
    handler: (items: number[]) => {
      handed.push(...items)
      return items
    },
  })
  await system.start()
  await system.sendMany([1, 2, 3])
  // The first result is in, so there is room for one more that may fail, and a consumer to handle it.
  await until(() => handed.length === 3)
  const received = [await sink.receive(), await sink.receive(), await sink.receive()]
  t.deepEqual(received.sort(), [1, 2, 3])
  assertConservation(t, await system.stop())
})
