/** Modules whose function gets items together; and what batches send on, from modules and functions. */

import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { expectTypeOf } from 'expect-type'
import {
  BatchError,
  Channel,
  type Context,
  type DeadLetter,
  handlerModule,
  ProducerConsumerSystem,
  sequence,
  type ThreadStats,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { until } from './helpers/gate.js'
import { Random } from './helpers/random.js'
import type * as Batched from './modules/batched.js'
import { slowly, WRONG, wrong } from './modules/batched.js'
import type * as Plain from './modules/plain.js'

const BATCHED = new URL('./modules/batched.js', import.meta.url)
const PLAIN = new URL('./modules/plain.js', import.meta.url)
/** ms that no test lasts. */
const NEVER = 2 ** 30
/** ms that a worker has to exit by itself after an abort. Timers may be a little early. */
const EXIT_MS = 100 - 2
const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

async function read<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

function lettersOf<T>(system: ProducerConsumerSystem<T, unknown>): DeadLetter<T>[] {
  const letters: DeadLetter<T>[] = []
  system.on('deadLetter', (letter) => letters.push(letter))
  return letters
}

test('a worker gets batches of the size, and the rest when there are no more', async (t) => {
  const system = new ProducerConsumerSystem({
    source: sequence({ of: 'number', limit: 2095 }),
    producers: 1,
    consumers: 1,
    handler: handlerModule<typeof Batched>(BATCHED),
    batch: { size: 1000, within: NEVER },
    results: true,
  })
  expectTypeOf(system).toEqualTypeOf<ProducerConsumerSystem<number, string>>()
  await system.start()
  t.deepEqual(
    await read(system.results()),
    range(2095).map((n) => `${n} of ${n < 2000 ? 1000 : 95}, attempt 1`),
  )
  assertConservation(t, await system.finished)
})

test('a worker waits for others as long as it may, and for none once it drains', async (t) => {
  const options = { consumers: 1, handler: handlerModule<typeof Batched>(BATCHED) }
  const system = new ProducerConsumerSystem({ ...options, batch: { size: 3, within: 60 } })
  await system.start()
  const began = performance.now()
  await system.send(1)
  t.is(await system.run(2), '2 of 2, attempt 1')
  t.true(performance.now() - began >= 59)
  t.deepEqual(
    await Promise.all([3, 4, 5].map((n) => system.run(n))),
    [3, 4, 5].map((n) => `${n} of 3, attempt 1`),
  )
  assertConservation(t, await system.stop())

  const draining = new ProducerConsumerSystem({ ...options, batch: { size: 3, within: NEVER } })
  await draining.start()
  const run = draining.run(6)
  await until(() => draining.stats().inFlight === 1)
  t.like(await draining.stop(), { processed: 1 })
  t.is(await run, '6 of 1, attempt 1')
})

test('each item of a batch in a worker can fail alone, and is tried again alone', async (t) => {
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: handlerModule<typeof Batched, 'picky'>(BATCHED, { export: 'picky' }),
    batch: { size: 6, within: NEVER },
    retry: { attempts: 3 },
    results: true,
  })
  const letters = lettersOf(system)
  await system.sendMany(range(60))
  await system.start()
  const reading = read(system.results())
  assertConservation(t, await system.stop())
  t.deepEqual(
    await reading,
    range(60).filter((n) => n % 3 !== 0),
  )
  t.deepEqual(
    letters.map(({ item, attempts, deaths, error }) => [item, attempts, deaths, (error as Error).message]),
    range(20).map((n) => [3 * n, 3, 0, `no. ${3 * n}`]),
  )
})

test('a batch that is answered wrongly or not at all fails, all of it', async (t) => {
  for (const [name, reason] of [
    ['short', { code: 'ERR_MILLRACE_BATCH_RESULT', name: 'BatchResultError' }],
    ['fails', { name: 'RangeError', message: 'all 2' }],
  ] as const) {
    const handler = handlerModule<typeof Batched, 'fails'>(BATCHED, { export: name as 'fails' })
    const system = new ProducerConsumerSystem({ consumers: 1, handler, batch: { size: 2, within: NEVER } })
    await system.start()
    const outcomes = await Promise.allSettled([system.run(1), system.run(2)])
    for (const outcome of outcomes) t.like(outcome, { status: 'rejected', reason })
    t.like(await system.stop(), { deadLettered: 2 })
  }
})

test('a worker that dies of one item takes no other of its batch along', async (t) => {
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handler: handlerModule<typeof Batched, 'dies'>(BATCHED, { export: 'dies' }),
    batch: { size: 10 },
    results: true,
  })
  const letters = lettersOf(system)
  await system.sendMany(range(60))
  await system.start()
  const reading = read(system.results())
  const report = await system.stop()
  assertConservation(t, report)
  t.deepEqual(
    (await reading).toSorted((a, b) => a - b),
    range(60).filter((n) => n !== 13),
  )
  t.deepEqual(
    letters.map(({ item, deaths }) => [item, deaths]),
    [[13, 2]],
  )
})

test('an abort gives up the batch in a worker', async (t) => {
  const handler = handlerModule<typeof Batched, 'stuck'>(BATCHED, { export: 'stuck' })
  const system = new ProducerConsumerSystem({ consumers: 1, handler, batch: { size: 3 } })
  const letters = lettersOf(system)
  await system.sendMany(range(8))
  await system.start()
  await until(() => system.stats().inFlight === 3)
  const report = await system.abort()
  assertConservation(t, report)
  t.deepEqual(
    letters.map(({ item, reason }) => [item, reason]),
    [0, 1, 2].map((n) => [n, 'aborted']),
  )
  t.deepEqual(report.unprocessed, [3, 4, 5, 6, 7])
})

test('where consumers wait for room for dead letters, no batch brings more', async (t) => {
  const function_ = (items: number[]): number[] => {
    throw new RangeError(`all ${items.length}`)
  }
  for (const handler of [
    function_,
    handlerModule<typeof Batched, 'fails'>(BATCHED, { export: 'fails' }),
  ] as const) {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 1,
      handler,
      batch: { size: 4 },
      deadLetters: { keep: 3, whenFull: 'block' },
    })
    await system.sendMany(range(20))
    await system.start()
    for (let discarded = 0; discarded < 20; ) {
      await until(() => system.deadLetters.size > 0)
      t.true(system.deadLetters.size <= 3, `${system.deadLetters.size}`)
      discarded += system.deadLetters.discard()
    }
    assertConservation(t, await system.stop())
  }
})

test('what no error of a batch can be fails it all, and nothing else', async (t) => {
  for (const handler of [
    wrong,
    async (items: number[]): Promise<number[]> => wrong(items),
    handlerModule<typeof Batched, 'wrong'>(BATCHED, { export: 'wrong' }),
  ]) {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 1,
      handler,
      batch: { size: 2, within: NEVER },
    })
    const died: unknown[] = []
    system.on('workerExit', (exit) => died.push(exit))
    await system.start()
    for (const what of WRONG.keys()) {
      const outcomes = await Promise.allSettled([system.run(what), system.run(-1)])
      for (const outcome of outcomes)
        t.like(outcome, { status: 'rejected', reason: { code: 'ERR_MILLRACE_BATCH_RESULT' } }, `${what}`)
    }
    assertConservation(t, await system.stop())
    t.deepEqual(died, [])
  }
})

test('an error of a batch is checked when it is made', (t) => {
  for (const index of [-1, 0.5, Number.NaN, '0' as unknown as number])
    t.throws(() => new BatchError([[index, new Error('one')]]), { code: 'ERR_MILLRACE_INVALID_OPTION' })
  t.throws(() => new BatchError([[0, new Error('one')]], null as unknown as []), {
    code: 'ERR_MILLRACE_INVALID_OPTION',
  })
})

test('a worker that dies while it sends the results of a batch sends none twice', async (t) => {
  const results = new Channel<number>({ capacity: 1 })
  const system = new ProducerConsumerSystem<number, number>({
    consumers: 1,
    handler: handlerModule<typeof Batched, 'diesSending'>(BATCHED, { export: 'diesSending' }),
    batch: { size: 6, within: NEVER },
    results,
  })
  const died = new Promise((resolve) => system.once('workerExit', resolve))
  await system.start()
  await system.sendMany(range(6))
  await died
  const reading = read(results)
  assertConservation(t, await system.stop())
  t.deepEqual(await reading, range(6))
})

test('a limit of time is not of the wait for room for results', async (t) => {
  const same = (items: number[]): number[] => items
  for (const [handler, batch] of [
    [same, { size: 3 }],
    [handlerModule<typeof Batched, 'dies'>(BATCHED, { export: 'dies' }), { size: 3 }],
    [(n: number) => n, undefined],
    [handlerModule<typeof Plain, 'echo'>(PLAIN, { export: 'echo' }), undefined],
  ] as const) {
    const results = new Channel<number>({ capacity: 1 })
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 1,
      handler: handler as (items: number[]) => number[],
      batch: batch as { size: number },
      handlerTimeout: 100,
      results,
    })
    await system.sendMany(range(6))
    await system.start()
    await until(() => results.stats().waitingSends > 0)
    // Past the limit, and past what a watch would do.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const reading = read(results)
    t.like(await system.stop(), { processed: 6, deadLettered: 0 })
    t.deepEqual(await reading, range(6))
  }
})

for (const kind of ['function', 'module'] as const) {
  test(`each result of a ${kind} of batches goes to the channel by itself`, async (t) => {
    const random = new Random(t)
    for (let round = 0; round < 5; round++) {
      const results = new Channel<number>({ capacity: 1 + random.below(4) })
      const handler = async (items: number[], { signal }: Context<number>): Promise<number[]> => {
        t.false(signal.aborted)
        const failed = items.flatMap((n, index): [number, Error][] =>
          n % 3 === 0 ? [[index, new Error(`no. ${n}`)]] : [],
        )
        if (failed.length > 0) throw new BatchError(failed, items)
        return items
      }
      const system = new ProducerConsumerSystem<number, number>({
        consumers: 2,
        handler:
          kind === 'function'
            ? handler
            : handlerModule<typeof Batched, 'picky'>(BATCHED, { export: 'picky' }),
        batch: { size: 1 + random.below(8), within: 1 },
        results,
      })
      const letters = lettersOf(system)
      await system.start()
      const reading = read(results)
      await system.sendMany(range(50))
      const runs = await Promise.allSettled([100, 101, 102].map((n) => system.run(n)))
      t.deepEqual(
        runs.map((run) => (run.status === 'fulfilled' ? run.value : (run.reason as Error).message)),
        [100, 101, 'no. 102'],
      )
      assertConservation(t, await system.stop())
      t.deepEqual(
        (await reading).toSorted((a, b) => a - b),
        range(50).filter((n) => n % 3 !== 0),
      )
      t.deepEqual(
        letters.map(({ item }) => item).toSorted((a, b) => a - b),
        [...range(17).map((n) => 3 * n), 102],
      )
    }
  })

  test(`an abort of a ${kind} of batches in the middle of its results loses none and doubles none`, async (t) => {
    for (let round = 0; round < 10; round++) {
      const results = new Channel<number>({ capacity: 3 })
      const handler =
        kind === 'function'
          ? (items: number[]) => items
          : handlerModule<typeof Batched, 'dies'>(BATCHED, { export: 'dies' })
      const system = new ProducerConsumerSystem<number, number>({
        consumers: 2,
        handler,
        batch: { size: 5 },
        results,
      })
      const letters = lettersOf(system)
      const items = range(40).map((n) => n + 20)
      await system.sendMany(items)
      await system.start()
      await until(() => results.stats().waitingSends > 0)
      // The reader makes room just when the system breaks off.
      const taken = [await results.receive()]
      const begun = performance.now()
      const aborted = system.abort()
      taken.push(...(await read(results)))
      const report = await aborted
      assertConservation(t, report)
      t.true(letters.every(({ reason }) => reason === 'aborted'))
      const ended = [...taken, ...report.unprocessed, ...letters.map(({ item }) => item)]
      // A worker that had no time to tell of its results is terminated, and what it had in hand is given up.
      const mayDouble = kind === 'module' && performance.now() - begun > EXIT_MS
      t.deepEqual(
        (mayDouble ? [...new Set(ended)] : ended).toSorted((a, b) => a - b),
        items,
      )
    }
  })
}

for (const [kind, handler] of [
  ['a function', (items: number[]) => items.map(String)],
  ['a module', handlerModule<typeof Batched>(BATCHED)],
] as const) {
  test(`${kind} gets no batch while its system is paused, and what was gathered before once it goes on`, async (t) => {
    const within = 400
    const system = new ProducerConsumerSystem<number, string>({
      consumers: 1,
      handler,
      batch: { size: 10, within },
      results: true,
    })
    await system.start()
    await system.sendMany([0, 1, 2])
    await until(() => system.stats().queued === 0)
    system.pause()
    t.is(system.stats().processed, 0, 'the machine was too slow for this test')
    await sleep(1.5 * within)
    const { processed, queued, inFlight } = system.stats()
    t.deepEqual({ processed, queued, inFlight }, { processed: 0, queued: 0, inFlight: 3 })
    system.resume()
    await until(() => system.stats().processed === 3)
    // A stop goes on with what is gathered, too.
    await system.sendMany([3, 4])
    await until(() => system.stats().queued === 0)
    system.pause()
    const report = await system.stop()
    t.is(report.processed, 5)
    assertConservation(t, report)
  })
}

for (const [kind, handler] of [
  ['a function', slowly],
  ['a module', handlerModule<typeof Batched, 'slowly'>(BATCHED, { export: 'slowly' })],
] as const) {
  test(`the items of a batch share the time that it takes: ${kind}`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 1,
      source: sequence({ of: 'number', limit: 50 }),
      handler,
      batch: { size: 10, within: NEVER },
    })
    await system.start()
    const { elapsed, consumers, latency } = await system.finished
    const [{ busy }] = consumers as [ThreadStats]
    // Each takes 20 ms, timers a little less.
    t.true(busy >= 5 * 18 && busy <= elapsed, `${busy} of ${elapsed} ms`)
    t.true(latency.handling.p50 < elapsed / 10, `${latency.handling.p50} of ${elapsed} ms`)
  })
}
