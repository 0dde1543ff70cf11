import test from 'ava'
import { type DeadLetter, ProducerConsumerSystem, sequence, sleep } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns, until } from './helpers/gate.js'

const never = (): Promise<never> => new Promise(() => {})

test('stop waits for everything queued and in hand', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    consumers: 3,
    capacity: 50,
    handler: async (item: number) => {
      await turns(item % 3)
      handled.push(item)
    },
  })
  await system.start()
  const sending = system.sendMany(Array.from({ length: 200 }, (_, index) => index))
  const report = await system.stop()
  await sending
  t.is(new Set(handled).size, 200)
  t.is(report.processed, 200)
  assertConservation(t, report)
})

test('a handler that never settles ends with the time-out', async (t) => {
  const letters: DeadLetter<number>[] = []
  let aborted: unknown
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handler: (item: number, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
      })
      return item < 10 ? Promise.resolve() : never()
    },
  })
  system.on('deadLetter', (letter) => letters.push(letter))
  await system.start()
  await system.sendMany([1, 2, 11, 12, 3, 4, 5])
  await until(() => system.stats().processed === 2)
  const report = await system.stop({ timeout: 10 })
  t.is(report.state, 'stopped')
  t.is(report.processed, 2)
  t.deepEqual(
    letters.map(({ item, attempts, reason }) => ({ item, attempts, reason })),
    [
      { item: 11, attempts: 1, reason: 'timeout' },
      { item: 12, attempts: 1, reason: 'timeout' },
      ...[3, 4, 5].map((item) => ({ item, attempts: 0, reason: 'timeout' as const })),
    ],
  )
  t.true(letters.every(({ error }) => (error as { code: string }).code === 'ERR_MILLRACE_TIMEOUT'))
  t.is((aborted as { code: string }).code, 'ERR_MILLRACE_TIMEOUT')
  t.deepEqual(report.unprocessed, [])
  assertConservation(t, report)
})

test('past the time-out items in the channel become dead letters too, each once', async (t) => {
  const items: number[] = []
  const system = new ProducerConsumerSystem({ consumers: 1, capacity: 1000, handler: (_: number) => never() })
  system.on('deadLetter', ({ item }) => items.push(item))
  await system.start()
  await system.sendMany(Array.from({ length: 1000 }, (_, index) => index))
  const report = await system.stop({ timeout: 1 })
  t.deepEqual(
    items.sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, index) => index),
  )
  t.is(report.deadLettered, 1000)
  assertConservation(t, report)
})

test('what settles after the time-out comes too late', async (t) => {
  const gate = new Gate()
  const letters: number[] = []
  const system = new ProducerConsumerSystem({ handler: (_: number) => gate.opened })
  system.on('deadLetter', ({ item }) => letters.push(item))
  await system.start()
  await system.send(1)
  const report = await system.stop({ timeout: 1 })
  gate.open()
  await turns(3)
  t.deepEqual(letters, [1])
  t.is(report.deadLettered, 1)
  t.is(system.stats().processed, 0)
  assertConservation(t, system.stats())
})

test('run rejects with TimeoutError where the stop gave its item up', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, handler: (_: number) => never() })
  await system.start()
  const runs = Promise.allSettled([system.run(1), system.run(2)])
  await turns()
  const report = await system.stop({ timeout: 1 })
  t.deepEqual(
    (await runs).map((outcome) => outcome.status === 'rejected' && outcome.reason.code),
    ['ERR_MILLRACE_TIMEOUT', 'ERR_MILLRACE_TIMEOUT'],
  )
  assertConservation(t, report)
})

test('abort gives back what was queued, and gives up what is in hand', async (t) => {
  const letters: DeadLetter<number>[] = []
  let signal: AbortSignal | undefined
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handler: (_: number, context) => {
      signal = context.signal
      return never()
    },
  })
  system.on('deadLetter', (letter) => letters.push(letter))
  await system.start()
  await system.sendMany([1, 2, 3, 4, 5])
  await until(() => system.stats().inFlight === 2)
  const reason = new Error('power cut')
  const report = await system.abort(reason)
  t.deepEqual(report.unprocessed, [3, 4, 5])
  t.deepEqual(
    letters.map(({ item, reason }) => ({ item, reason })),
    [
      { item: 1, reason: 'aborted' },
      { item: 2, reason: 'aborted' },
    ],
  )
  t.true(letters.every(({ error }) => (error as Error).cause === reason))
  t.is((signal as AbortSignal | undefined)?.reason.cause, reason)
  t.is(report.discarded, 3)
  assertConservation(t, report)
})

test('abort and stop from inside the handler', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    handler: (item: number) => {
      handled.push(item)
      if (item === 2) void system.abort()
    },
  })
  await system.sendMany([1, 2, 3, 4])
  await system.start()
  const report = await system.finished
  t.deepEqual(handled, [1, 2])
  t.is(report.processed, 2)
  t.deepEqual(report.unprocessed, [3, 4])
  assertConservation(t, report)
})

test('stop is not held up by results that nobody reads', async (t) => {
  const system = new ProducerConsumerSystem({
    capacity: 2,
    results: true,
    handler: async (item: number) => item,
  })
  await system.start()
  const sending = system.sendMany([1, 2, 3, 4, 5, 6, 7])
  const report = await system.stop()
  await sending
  t.is(report.processed, 7)
  const results: number[] = []
  for await (const result of system.results()) results.push(result)
  t.deepEqual(
    results.sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7],
  )
  assertConservation(t, report)
})

test('a finite source is not held up by results that nobody reads', async (t) => {
  for (const handler of [(item: number) => item, sleep(0)]) {
    const system = new ProducerConsumerSystem<number, number>({
      capacity: 2,
      results: true,
      source: sequence({ of: 'number', limit: 4 }),
      handler,
    })
    await system.start()
    const report = await system.finished
    t.is(report.processed, 4)
    assertConservation(t, report)
  }
})

test('stop is not held up by a source that is waiting', async (t) => {
  const returned = new Gate()
  const system = new ProducerConsumerSystem({
    source: {
      [Symbol.asyncIterator]: () => ({
        next: never,
        return: async () => {
          returned.open()
          return { value: undefined, done: true as const }
        },
      }),
    } as AsyncIterable<number>,
    handler: (item) => item,
  })
  await system.start()
  const report = await system.stop()
  await returned.opened
  t.is(report.produced, 0)
  assertConservation(t, report)
})

test('stop is not held up by a source whose return never settles, or throws', async (t) => {
  const RETURNS: (() => Promise<IteratorResult<number>>)[] = [
    never,
    () => Promise.reject(new Error('no')),
    () => {
      throw new Error('no')
    },
  ]
  for (const back of RETURNS) {
    const source: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: never, return: back }) }
    const system = new ProducerConsumerSystem({ source, handler: (item) => item })
    await system.start()
    assertConservation(t, await system.stop())
  }
})

test('stop is not held up by dead letters that nobody takes', async (t) => {
  const system = new ProducerConsumerSystem({
    handler: () => {
      throw new Error('no')
    },
  })
  await system.start()
  const sending = system.sendMany(Array.from({ length: 5000 }, (_, index) => index))
  const report = await system.stop()
  await sending
  t.is(report.deadLettered, 5000)
  assertConservation(t, report)
})

test('stop ends producers that wait on a full channel', async (t) => {
  const system = new ProducerConsumerSystem({
    producers: 3,
    consumers: 1,
    capacity: 10,
    source: sequence({ of: 'number' }),
    handler: sleep(1),
  })
  await system.start()
  await until(() => system.stats().queued === 10)
  const report = await system.stop()
  t.is(report.state, 'stopped')
  t.is(report.produced, report.processed)
  assertConservation(t, report)
})

test('a native handler that is busy past the time-out is given up', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, handler: sleep(60_000) })
  await system.start()
  await system.sendMany(['a', 'b'])
  await until(() => system.stats().inFlight === 1)
  const letters: unknown[] = []
  system.on('deadLetter', ({ item }) => letters.push(item))
  const report = await system.stop({ timeout: 10 })
  t.is(report.deadLettered, 2)
  t.deepEqual(letters.sort(), ['a', 'b'])
  t.deepEqual(report.detached, [])
  assertConservation(t, report)
})

test('stop refuses options that it does not have', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (item: number) => item })
  for (const options of [{ timeout: -1 }, { timeout: '5' }, { drain: 1 }, { force: true }, 5, null]) {
    t.throws(() => void system.stop(options as object), { code: 'ERR_MILLRACE_INVALID_OPTION' })
  }
  t.is(system.stats().state, 'ready')
  await system.stop()
})

test('after an abort no handler gets an item, also where one that hears of it stops the system', async (t) => {
  let aborted = false
  const handled: [item: number, late: boolean][] = []
  const gate = new Gate()
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handler: async (item: number, { signal }) => {
      handled.push([item, aborted])
      if (handled.length > 1) return
      signal.addEventListener('abort', () => void system.stop())
      system.pause()
      await gate.opened
    },
  })
  await system.sendMany([1, 2, 3, 4, 5, 6])
  await system.start()
  await until(() => handled.length === 1)
  aborted = true
  const report = await system.abort()
  gate.open()
  t.deepEqual(handled, [[1, false]])
  t.deepEqual(report.unprocessed, [2, 3, 4, 5, 6])
  assertConservation(t, report)
})

for (const end of ['stop', 'abort'] as const) {
  test(`an iterator that is opened by a function that calls ${end}() is told to return, and is not asked`, async (t) => {
    const calls: string[] = []
    const system = new ProducerConsumerSystem({
      producers: 1,
      handler: (_: number) => {},
      source: () => {
        void system[end]()
        const iterator: AsyncIterator<number> = {
          next: async () => {
            calls.push('next')
            return { done: false, value: 1 }
          },
          return: async () => {
            calls.push('return')
            return { done: true, value: undefined }
          },
        }
        return { [Symbol.asyncIterator]: () => iterator }
      },
    })
    await system.start()
    assertConservation(t, await system.finished)
    t.deepEqual(calls, ['return'])
  })
}

test('an item whose `done` stops the system is sent all the same', async (t) => {
  let n = 0
  const handled: number[] = []
  const next = (): IteratorResult<number> => {
    const value = ++n
    return {
      get done() {
        if (value === 3) void system.stop()
        return false
      },
      value,
    } as IteratorResult<number>
  }
  const system = new ProducerConsumerSystem({
    producers: 1,
    source: () => ({ [Symbol.iterator]: () => ({ next }) }),
    handler: (item: number) => void handled.push(item),
  })
  await system.start()
  const report = await system.finished
  t.deepEqual(handled, [1, 2, 3])
  t.is(report.produced, 3)
  assertConservation(t, report)
})
