import test from 'ava'
import { type Context, type DeadLetter, ProducerConsumerSystem, sequence } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns, until } from './helpers/gate.js'

test('every item of native producers reaches the function once', async (t) => {
  const limit = 100_000
  const seen = new Uint8Array(limit)
  const system = new ProducerConsumerSystem({
    producers: 4,
    source: sequence({ of: 'number', limit }),
    handler: (item) => {
      seen[item] = (seen[item] as number) + 1
    },
  })
  await system.start()
  const report = await system.finished
  t.true(seen.every((times) => times === 1))
  t.is(report.processed, limit)
  assertConservation(t, report)
})

test('every item reaches an asynchronous function once, and at most `consumers` calls are pending', async (t) => {
  const limit = 20_000
  const seen = new Uint8Array(limit)
  let pending = 0
  let most = 0
  const system = new ProducerConsumerSystem({
    producers: 3,
    consumers: 7,
    source: sequence({ of: 'number', limit }),
    handler: async (item) => {
      most = Math.max(most, ++pending)
      if (item % 1000 === 0) await turns()
      else await null
      pending--
      seen[item] = (seen[item] as number) + 1
    },
  })
  await system.start()
  const report = await system.finished
  t.true(seen.every((times) => times === 1))
  t.is(most, 7)
  assertConservation(t, report)
})

test('a function may return sometimes a value and sometimes a promise', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    consumers: 2,
    source: Array.from({ length: 1000 }, (_, index) => index),
    handler: (item) => {
      if (item % 3 > 0) return void handled.push(item)
      return turns(item % 2).then(() => void handled.push(item))
    },
  })
  await system.start()
  const report = await system.finished
  t.is(new Set(handled).size, 1000)
  assertConservation(t, report)
})

test('a slow call holds up nothing but its own place', async (t) => {
  const gate = new Gate()
  let handled = 0
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handler: async (item: number) => {
      if (item === 0) await gate.opened
      handled++
    },
  })
  await system.start()
  await system.sendMany(Array.from({ length: 500 }, (_, index) => index))
  await until(() => handled === 499)
  t.is(system.stats().inFlight, 1)
  t.is(system.stats().processed, 499)
  gate.open()
  assertConservation(t, await system.stop())
})

const FAILURES: Record<string, (failure: unknown) => unknown> = {
  'throws at once': (failure) => {
    throw failure
  },
  'rejects at once': (failure) => Promise.reject(failure),
  'rejects later': (failure) => turns().then(() => Promise.reject(failure)),
  'returns a thenable that rejects': (failure) => ({
    // biome-ignore lint/suspicious/noThenProperty: it is what the test is about
    then: (_: unknown, reject: (error: unknown) => void) => reject(failure),
  }),
  'returns an object whose then cannot be read': (failure) => ({
    // biome-ignore lint/suspicious/noThenProperty: it is what the test is about
    get then() {
      throw failure
    },
  }),
}

for (const [how, fail] of Object.entries(FAILURES)) {
  for (const failure of [new RangeError('out of range'), 'a string', undefined]) {
    test(`a function that ${how} with ${failure} fails its item and nothing else`, async (t) => {
      const handled: number[] = []
      const letters: DeadLetter<number>[] = []
      const system = new ProducerConsumerSystem<number, unknown>({
        consumers: 2,
        handler: (item) => {
          if (item % 2 === 1) return fail(failure)
          handled.push(item)
          return undefined
        },
      })
      system.on('deadLetter', (letter) => letters.push(letter))
      const begun = Date.now()
      await system.start()
      await system.sendMany([0, 1, 2, 3, 4])
      const report = await system.stop()
      t.deepEqual(handled, [0, 2, 4])
      t.deepEqual(
        letters.map(({ item, error, attempts, reason }) => ({ item, error, attempts, reason })),
        [1, 3].map((item) => ({ item, error: failure, attempts: 1, reason: 'failed' as const })),
      )
      for (const { firstAt, lastAt } of letters) {
        t.true(begun - 1 <= firstAt && firstAt <= lastAt && lastAt <= Date.now())
      }
      t.is(report.deadLettered, 2)
      t.is(report.failedAttempts, 2)
      t.is(report.consumers[0]?.failed, 2)
      assertConservation(t, report)
    })
  }
}

test('a thenable that calls back twice settles its item once', async (t) => {
  const system = new ProducerConsumerSystem<number, unknown>({
    consumers: 1,
    handler: (item) => ({
      // biome-ignore lint/suspicious/noThenProperty: it is what the test is about
      then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
        resolve(item)
        resolve(item)
        reject(new Error('changed its mind'))
      },
    }),
  })
  await system.start()
  t.deepEqual(await Promise.all([system.run(1), system.run(2)]), [1, 2])
  const report = await system.stop()
  t.is(report.processed, 2)
  assertConservation(t, report)
})

test('a listener that throws fails nothing, and its error is an uncaught exception', async (t) => {
  const uncaught = new Gate<unknown>()
  process.prependOnceListener('uncaughtException', uncaught.open)
  const handlers = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', uncaught.open)
  const system = new ProducerConsumerSystem({
    handler: () => {
      throw new Error('the item failed')
    },
  })
  system.on('deadLetter', () => {
    throw new Error('the listener failed')
  })
  await system.start()
  await system.send(1)
  await t.notThrowsAsync(system.idle())
  const error = (await uncaught.opened) as Error
  process.removeAllListeners('uncaughtException')
  for (const handler of handlers) process.on('uncaughtException', handler as (error: Error) => void)
  t.is(error.message, 'the listener failed')
  assertConservation(t, await system.stop())
})

test('the context tells of the item and of the consumer', async (t) => {
  const contexts: Context<string>[] = []
  const three = new Gate()
  const system = new ProducerConsumerSystem({
    consumers: 3,
    handler: async (_: string, context) => {
      contexts.push(context)
      if (contexts.length === 3) three.open()
      await three.opened
    },
  })
  await system.start()
  await system.sendMany(['a', 'b', 'c', 'd'])
  await system.stop()
  t.is(new Set(contexts.map(({ id }) => id)).size, 4)
  t.deepEqual(
    contexts.slice(0, 3).map(({ worker }) => worker),
    [0, 1, 2],
  )
  t.true(contexts.every(({ worker }) => worker >= 0 && worker < 3))
  t.true(contexts.every(({ id }) => typeof id === 'string'))
  t.true(contexts.every(({ attempt, headers }) => attempt === 1 && Object.keys(headers).length === 0))
  t.true(contexts.every(({ signal }) => signal instanceof AbortSignal && !signal.aborted))
})

test('ctx.send puts items into the same system', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    handler: async (item: number, context) => {
      handled.push(item)
      if (item > 0) await context.send(item - 1)
    },
  })
  await system.start()
  await system.send(5)
  await until(() => handled.length === 6)
  t.deepEqual(handled, [5, 4, 3, 2, 1, 0])
  assertConservation(t, await system.stop())
})

test('ctx.stop stops without waiting, and the rest is drained', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: async (item: number, context) => {
      if (item === 1) context.stop()
      await null
      handled.push(item)
    },
  })
  await system.sendMany([0, 1, 2, 3])
  await system.start()
  const report = await system.finished
  t.deepEqual(handled, [0, 1, 2, 3])
  assertConservation(t, report)
})

test.serial('a function that runs for long at a stretch leaves the event loop its turns', async (t) => {
  let fired = 0
  const timer = setInterval(() => fired++, 1)
  const system = new ProducerConsumerSystem({
    producers: 1,
    source: sequence({ of: 'number', limit: 400 }),
    handler: () => {
      const end = performance.now() + 0.25
      while (performance.now() < end);
    },
  })
  await system.start()
  await system.finished
  clearInterval(timer)
  // 100 ms of work, in pieces of 5 ms and one item: at least some 15 turns.
  t.true(fired >= 10, `${fired} turns`)
})

test('the statistics of a callback have one row for its environment', async (t) => {
  const system = new ProducerConsumerSystem({
    producers: 2,
    source: sequence({ of: 'number', limit: 1000 }),
    handler: (item) => {
      if (item === 7) throw new Error('7')
    },
  })
  await system.start()
  const report = await system.finished
  t.deepEqual(
    report.consumers.map(({ name, items, failed }) => ({ name, items, failed })),
    [{ name: 'callback', items: 999, failed: 1 }],
  )
  t.true((report.consumers[0]?.busy ?? 0) > 0)
  t.is(
    report.producers.reduce((sum, { items }) => sum + items, 0),
    1000,
  )
})

test('a handler may take its context apart', async (t) => {
  const system = new ProducerConsumerSystem<number>({
    handler: async (item, { attempt, send, stop }) => {
      t.is(attempt, 1)
      if (item === 1) await send(2)
      else stop()
    },
  })
  await system.start()
  await system.send(1)
  t.is((await system.finished).processed, 2)
})

for (const overflow of ['reject', 'drop-newest', 'drop-oldest'] as const) {
  test(`what a handler sends while it is called finds the room that its own item has left: ${overflow}`, async (t) => {
    for (const send of ['send', 'sendMany', 'run'] as const) {
      const handled: number[] = []
      const system: ProducerConsumerSystem<number, void> = new ProducerConsumerSystem({
        capacity: 1,
        consumers: 1,
        overflow,
        handler: (item: number) => {
          handled.push(item)
          if (item === 0) return
          const sending = send === 'sendMany' ? system.sendMany([item - 1]) : system[send](item - 1)
          sending.catch((error) => t.fail(error.message))
        },
      })
      await system.start()
      await system.send(5)
      await until(() => handled.length === 6)
      const report = await system.stop()
      t.deepEqual([report.processed, report.discarded], [6, 0], send)
      assertConservation(t, report)
    }
  })
}

test('sends of a handler that may not wait find the room that its own item has left', async (t) => {
  const outcomes: string[] = []
  const system: ProducerConsumerSystem<number, void> = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 1,
    handler: (item: number) => {
      if (item !== 1) return
      system.sendMany([2], { timeout: 0 }).then(
        () => outcomes.push('sent'),
        (error) => outcomes.push(error.code),
      )
    },
  })
  await system.start()
  await system.send(1)
  await until(() => outcomes.length === 1)
  t.deepEqual(outcomes, ['sent'])
  assertConservation(t, await system.stop())
})
