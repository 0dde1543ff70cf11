/** What a handler module's function is told, and what it can ask and do. */

import { Worker } from 'node:worker_threads'
import test from 'ava'
import { handlerModule, ProducerConsumerSystem, type SystemOptions } from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { until } from './helpers/gate.js'
import type * as Sending from './modules/sending.js'
import { ARRIVED, GATE, REFUSED, SENT } from './modules/sending.js'

const SHARED = new URL('./modules/shared.js', import.meta.url)
const SENDING = new URL('./modules/sending.js', import.meta.url)

type Exports = Exclude<keyof typeof Sending, 'default'>

function make(name: Exports, options: Omit<SystemOptions<number, unknown>, 'handler'>) {
  const cells = new Cells(16)
  const handler = handlerModule<{ [K in Exports]: (item: number) => unknown }, Exports>(SENDING, {
    export: name,
    init: cells.memory,
  })
  return { cells, system: new ProducerConsumerSystem<number, unknown>({ ...options, handler }) }
}

test('the context says which item it is, which worker and which attempt', async (t) => {
  const handler = handlerModule(SHARED, { export: 'context' })
  const system = new ProducerConsumerSystem<unknown, unknown>({ consumers: 3, handler, results: true })
  await system.start()
  const sending = system.sendMany(Array.from({ length: 3000 }, (_, index) => index))
  const report = await system.stop()
  await sending
  const ids = new Set<string>()
  for await (const result of system.results()) {
    const { id, ...rest } = result as { id: string; worker: number }
    t.deepEqual(rest, { attempt: 1, worker: rest.worker, headers: {}, aborted: false } as object)
    t.true([0, 1, 2].includes(rest.worker))
    ids.add(id)
  }
  t.is(ids.size, 3000)
  assertConservation(t, report)
})

test('what a handler sends comes in the order of its sends', async (t) => {
  const { system } = make('fanOut', { consumers: 1, capacity: 100, results: true })
  await system.start()
  await system.send(-50)
  await system.idle()
  const report = await system.stop()
  const seen: unknown[] = []
  for await (const result of system.results()) seen.push(result)
  t.deepEqual(seen, [-50, ...Array.from({ length: 50 }, (_, index) => index)])
  t.is(report.produced, 51)
  assertConservation(t, report)
})

test('a send of a handler waits for room, which other workers make', async (t) => {
  const { cells, system } = make('fanOut', { consumers: 2, capacity: 3 })
  await system.start()
  await system.send(-400)
  await system.idle()
  t.is(cells.get(SENT), 400)
  t.is(cells.get(ARRIVED), 400)
  const report = await system.stop()
  t.is(report.processed, 401)
  assertConservation(t, report)
})

test('the item in hand takes no room from what its handler sends', async (t) => {
  for (const consumers of [1, 2]) {
    const { cells, system } = make('sendsOne', { consumers, capacity: 1 })
    await system.start()
    await system.run(-1)
    await system.idle()
    t.deepEqual(
      [cells.get(SENT), cells.get(REFUSED), cells.get(ARRIVED)],
      [1, 0, 1],
      `${consumers} consumers`,
    )
    assertConservation(t, await system.stop())
  }
})

test('idle waits for what handlers had sent before the call', async (t) => {
  const { cells, system } = make('sendsOne', { consumers: 1, capacity: 1 })
  await system.start()
  // Where cores are busy, what a worker tells comes in parts.
  const busy = Array.from({ length: 3 }, () => new Worker('for (;;);', { eval: true }))
  t.teardown(() => Promise.all(busy.map((worker) => worker.terminate())))
  for (let round = 1; round <= 100; round++) {
    await system.run(-1)
    await system.idle()
    if (cells.get(ARRIVED) !== round) return t.fail(`${cells.get(ARRIVED)} of ${round} were handled`)
  }
  assertConservation(t, await system.stop())
})

test('the item in hand takes no room from anyone', async (t) => {
  const { cells, system } = make('waits', { consumers: 1, capacity: 1 })
  await system.start()
  await system.send(-1)
  await until(() => cells.get(ARRIVED) === 1)
  await system.send(-2)
  t.is(system.stats().inFlight, 1)
  t.is(system.stats().queued, 1)
  t.false(system.trySend(-3))
  cells.count(GATE)
  const report = await system.stop()
  t.is(report.processed, 2)
  assertConservation(t, report)
})

test('a single worker is never let wait for room', async (t) => {
  const { cells, system } = make('sendsTwo', { consumers: 1, capacity: 1 })
  await system.start()
  await system.send(-1)
  await system.idle()
  t.deepEqual([cells.get(SENT), cells.get(REFUSED)], [1, 1])
  const report = await system.stop()
  t.is(report.processed, 2)
  assertConservation(t, report)
})

test('the last worker that could make room is not let wait, and those that wait get it', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { cells, system } = make('sendsThree', { consumers: 3, capacity: 2 })
    await system.start()
    await system.sendMany([-1, -2, -3])
    await system.idle()
    t.is(cells.get(SENT) + cells.get(REFUSED), 9)
    t.true(cells.get(REFUSED) > 0)
    const report = await system.stop()
    // What handlers sent after the call of idle() it did not wait for.
    t.is(cells.get(ARRIVED), cells.get(SENT))
    t.is(report.processed, 3 + cells.get(SENT))
    assertConservation(t, report)
  }
})

test('a worker that died while it waited for room keeps nobody from waiting', async (t) => {
  const { cells, system } = make('diesWaiting', { consumers: 2, capacity: 1 })
  await system.start()
  await system.send(-1)
  await system.idle()
  t.is(cells.get(REFUSED), 0)
  const report = await system.stop()
  t.is(report.failedAttempts, 1)
  assertConservation(t, report)
})

test('a handler stops its system, without waiting for that', async (t) => {
  const { system } = make('stops', { consumers: 2, capacity: 100 })
  await system.sendMany(Array.from({ length: 100 }, (_, index) => index))
  await system.start()
  const report = await system.finished
  t.deepEqual([report.state, report.processed], ['stopped', 100])
  assertConservation(t, report)
})

test('what a handler sends to a system that was stopped is refused', async (t) => {
  const { cells, system } = make('sendsLate', { consumers: 1 })
  await system.start()
  const run = system.run(1)
  await until(() => cells.get(ARRIVED) === 1)
  const stopping = system.stop()
  cells.count(GATE)
  t.is(await run, 'ERR_MILLRACE_CLOSED')
  assertConservation(t, await stopping)
})

test('a send of a handler checks its options', async (t) => {
  const { system } = make('sendsBadly', { consumers: 2, capacity: 1 })
  await system.start()
  t.deepEqual(await system.run(1), ['ERR_MILLRACE_INVALID_OPTION', 'ABORT_ERR', 'ERR_MILLRACE_UNCLONEABLE'])
  assertConservation(t, await system.stop())
})

test('a module has no more sends wait than maxWaiting says', async (t) => {
  const source = `export default async (item, context) => {
    if (item !== 'go') return new Promise((resolve) => setTimeout(resolve, 5))
    const sends = Array.from({ length: 6 }, (_, n) => context.send(n).then(() => 'sent', (error) => error.code))
    return await Promise.all(sends)
  }`
  const system = new ProducerConsumerSystem<unknown, string[]>({
    consumers: 2,
    capacity: 1,
    maxWaiting: 1,
    handler: new URL(`data:text/javascript,${encodeURIComponent(source)}`),
  })
  await system.start()
  const outcomes = await system.run('go')
  t.true(outcomes.includes('sent'))
  t.true(outcomes.includes('ERR_MILLRACE_FULL'), `${outcomes}`)
  assertConservation(t, await system.stop())
})
