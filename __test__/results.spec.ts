import test from 'ava'
import {
  type Handler,
  type HandlerFunction,
  handlerModule,
  hash,
  ProducerConsumerSystem,
  type Report,
  sequence,
  sleep,
} from '../src/index.js'
import { Results } from '../src/results.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns, until } from './helpers/gate.js'
import { assertSaid, runProgram } from './helpers/program.js'
import { Random } from './helpers/random.js'
import type * as Plain from './modules/plain.js'

const PLAIN = new URL('./modules/plain.js', import.meta.url)

/** The same results from a function and from native consumers: that is how both are to behave. */
const HANDLERS: Record<string, Handler<number, number> | HandlerFunction<number, number>> = {
  'a function': () => 0,
  'an asynchronous function': async () => 0,
  'native consumers': sleep(0),
}

for (const [who, handler] of Object.entries(HANDLERS)) {
  test(`results of ${who} come to who asked before the start`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({
      source: sequence({ of: 'number', limit: 5000 }),
      handler,
    })
    const results = system.results()
    await system.start()
    let count = 0
    for await (const result of results) {
      t.is(result, 0)
      count++
    }
    t.is(count, 5000)
    assertConservation(t, await system.finished)
  })

  test(`a reader that is slow slows ${who}`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 3,
      capacity: 4,
      source: sequence({ of: 'number' }),
      handler,
      results: true,
    })
    await system.start()
    const results = system.results()
    // Without a reader everything fills up, and then nothing moves: 4 results, what consumers have in hand, 4 items.
    await until(() => system.stats().queued === 4)
    await settle(system)
    const { processed, inFlight } = system.stats()
    t.true(processed + inFlight <= 4 + 3, `${processed} processed, ${inFlight} in flight`)
    for (let read = 0; read < 20; read++) t.deepEqual(await results.next(), { value: 0, done: false })
    await settle(system)
    t.true(system.stats().processed >= 20)
    t.true(system.stats().processed <= 20 + 4 + 3)
    const report = await system.stop()
    assertConservation(t, report)
  })

  test(`a reader that breaks off ends the collection, and ${who} go on`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({
      capacity: 4,
      source: sequence({ of: 'number', limit: 500 }),
      handler,
      results: true,
    })
    await system.start()
    for await (const result of system.results()) {
      t.is(result, 0)
      break
    }
    const report = await system.finished
    t.is(report.processed, 500)
    assertConservation(t, report)
  })

  test(`results of ${who} that came before an abort can be read, then AbortedError comes`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({ handler, results: true })
    await system.start()
    await system.sendMany([1, 2, 3])
    await system.idle()
    const reason = new Error('enough')
    const report = await system.abort(reason)
    const results: number[] = []
    const error = await t.throwsAsync(
      (async () => {
        for await (const result of system.results()) results.push(result)
      })(),
      { name: 'AbortedError' },
    )
    t.is(error?.cause, reason)
    t.deepEqual(results, [0, 0, 0])
    assertConservation(t, report)
  })

  test(`a reader that waits for ${who} ends with the system`, async (t) => {
    const stopped = new ProducerConsumerSystem<number, number>({ handler, results: true })
    await stopped.start()
    const waiting = stopped.results().next()
    await turns()
    await stopped.stop()
    t.deepEqual(await waiting, { value: undefined, done: true })

    const aborted = new ProducerConsumerSystem<number, number>({ handler, results: true })
    await aborted.start()
    const failing = t.throwsAsync(aborted.results().next(), { code: 'ERR_MILLRACE_ABORTED' })
    await turns()
    await aborted.abort()
    await failing
  })

  test(`what run gives of ${who} is not among the results`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({ handler, results: true })
    await system.start()
    await system.send(1)
    t.is(await system.run(2), 0)
    await system.send(3)
    const report = await system.stop()
    const results: number[] = []
    for await (const result of system.results()) results.push(result)
    t.is(results.length, 2)
    t.is(report.processed, 3)
    assertConservation(t, report)
  })

  test(`results of ${who} are not kept where nobody asked, and it is too late after the start`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({
      capacity: 2,
      source: sequence({ of: 'number', limit: 100 }),
      handler,
    })
    await system.start()
    t.throws(() => system.results(), { code: 'ERR_MILLRACE_INVALID_STATE' })
    const report = await system.finished
    t.throws(() => system.results(), { code: 'ERR_MILLRACE_INVALID_STATE' })
    assertConservation(t, report)
  })
}

const ECHOES: Record<string, Handler<number, number> | HandlerFunction<number, number>> = {
  'a function': (item) => item,
  'an asynchronous function': async (item) => item,
  'a module': handlerModule<typeof Plain, 'soon'>(PLAIN, { export: 'soon' }),
}

for (const [who, handler] of Object.entries(ECHOES)) {
  test(`an abort at whatever moment loses no result of ${who} that counts as processed`, async (t) => {
    const random = new Random(t)
    for (let round = 0; round < 10; round++) {
      const system = new ProducerConsumerSystem<number, number>({
        consumers: 1 + random.below(2),
        handler,
        results: true,
      })
      const items = Array.from({ length: 500 }, (_, item) => item)
      const ended: number[] = []
      system.on('deadLetter', ({ item }) => ended.push(item))
      await system.sendMany(items)
      await system.start()
      const wanted = 1 + random.below(200)
      let aborted: Promise<Report<number>> | undefined
      const reading = async (): Promise<void> => {
        for await (const result of system.results()) {
          ended.push(result)
          if (ended.length >= wanted) aborted ??= system.abort()
        }
      }
      await t.throwsAsync(reading(), { name: 'AbortedError' })
      const report = await aborted
      ended.push(...(report?.unprocessed ?? []))
      t.deepEqual(
        ended.toSorted((a, b) => a - b),
        items,
      )
    }
  })
}

test('there is one reader', async (t) => {
  const system = new ProducerConsumerSystem({ handler: hash('sha256') })
  system.results()
  t.throws(() => system.results(), { code: 'ERR_MILLRACE_INVALID_STATE' })
  await system.stop()
})

test('a function may give any results, also such as cannot be cloned', async (t) => {
  const give = (): string => 'given'
  const results: unknown[] = [undefined, null, give, Symbol.iterator, new Map(), 0]
  const system = new ProducerConsumerSystem({
    consumers: 1,
    results: true,
    source: results.map((_, index) => index),
    handler: (index: number) => results[index],
  })
  await system.start()
  const read: unknown[] = []
  for await (const result of system.results()) read.push(result)
  t.deepEqual(read, results)
})

test('results that are read late come in their order', async (t) => {
  const gate = new Gate()
  const system = new ProducerConsumerSystem({
    consumers: 1,
    results: true,
    source: Array.from({ length: 3000 }, (_, index) => index),
    handler: (item: number) => item,
    capacity: 5000,
  })
  await system.start()
  void system.finished.then(() => gate.open())
  await gate.opened
  const read: number[] = []
  for await (const result of system.results()) read.push(result)
  t.deepEqual(
    read,
    Array.from({ length: 3000 }, (_, index) => index),
  )
})

test('a for-await over results that are all there lets timers fire', async (t) => {
  const system = new ProducerConsumerSystem({
    results: true,
    source: sequence({ of: 'number' }),
    handler: (item) => item,
  })
  await system.start()
  let fired = false
  setTimeout(() => {
    fired = true
  }, 5)
  for await (const _ of system.results()) if (fired) break
  t.true(fired)
  assertConservation(t, await system.stop())
})

/** Waits until nothing moves. */
async function settle(system: ProducerConsumerSystem<number, number>): Promise<void> {
  for (let still = 0, before = -1; still < 20; ) {
    await turns(5)
    const { processed, queued, inFlight } = system.stats()
    const now = processed * 1e6 + queued * 1e3 + inFlight
    still = now === before ? still + 1 : 0
    before = now
  }
}

test('who asks for a result while another waits gets the one after', async (t) => {
  for (const bringing of ['by the second call', 'by the origin']) {
    const there: string[] = []
    const results = new Results<string>({ refill: () => there.splice(0) })
    const first = results.next()
    if (bringing === 'by the origin') {
      there.push('a')
      results.ready()
    }
    there.push(...(bringing === 'by the origin' ? ['b', 'c'] : ['a', 'b', 'c']))
    const second = results.next()
    results.ready()
    const all = await Promise.all([first, second, results.next()])
    t.deepEqual(
      all.map(({ value }) => value),
      ['a', 'b', 'c'],
      bringing,
    )
  }
})

test('a channel of another make that fails to close takes nothing along', async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel } = await import(library)
    const channel = new Channel()
    const results = {
      send: (item, options) => channel.send(item, options),
      sendMany: (items) => channel.sendMany(items),
      receive: () => channel.receive(),
      receiveMany: (max) => channel.receiveMany(max),
      lease: () => channel.lease(),
      abort: () => channel.abort(),
      async *[Symbol.asyncIterator]() {},
      close: async () => { throw new Error('connection lost') },
    }
    const system = new ProducerConsumerSystem({ handler: (item) => item, results })
    await system.start()
    await system.send(1)
    const { state } = await system.stop()
    await new Promise((resolve) => setTimeout(resolve, 20))
    console.log(state, await channel.receive())`,
  )
  assertSaid(t, ended, 'stopped 1')
})
