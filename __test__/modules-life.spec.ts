/** The life of a system whose handler is a module. */

import test from 'ava'
import { type DeadLetter, handlerModule, ProducerConsumerSystem, type SystemOptions } from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { turns, until } from './helpers/gate.js'
import type * as Shared from './modules/shared.js'
import { ABORTS, BEGUN, begun, FINISHED, finished, GATE, ITEMS } from './modules/shared.js'

const SHARED = new URL('./modules/shared.js', import.meta.url)
const EXPORT = {
  blocking: 'blocking',
  pending: 'pending',
} as const

type Exports = Exclude<keyof typeof Shared, 'default'>

const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

/** A system, and the cells that its handler counts in. */
function make(name: Exports, items: number, options: Omit<SystemOptions<number, unknown>, 'handler'>) {
  const cells = new Cells(ITEMS + 2 * items)
  const handler = handlerModule<{ [K in Exports]: (item: number) => unknown }, Exports>(SHARED, {
    export: name,
    init: cells.memory,
  })
  return { cells, system: new ProducerConsumerSystem<number, unknown>({ ...options, handler }) }
}

for (const name of Object.values(EXPORT)) {
  test(`an item that is ${name} holds up none of those ahead in its worker`, async (t) => {
    for (let round = 0; round < 5; round++) {
      const { cells, system } = make(name, 500, { consumers: 2 })
      await system.sendMany(range(500))
      await system.start()
      // On a busy machine the others may be through before the first is begun.
      await until(() => cells.get(FINISHED) === 499 && cells.get(BEGUN) === 500)
      for (const item of range(500))
        t.deepEqual(
          [cells.get(begun(item)), cells.get(finished(item))],
          [1, item === 0 ? 0 : 1],
          `item ${item}`,
        )
      t.is(system.stats().produced, 500)
      cells.count(GATE)
      const report = await system.stop()
      t.is(report.processed, 500)
      assertConservation(t, report)
    }
  })

  test(`an item that is ${name} does not hold up those that come later`, async (t) => {
    const { cells, system } = make(name, 500, { consumers: 2, results: true })
    await system.start()
    await system.send(0)
    await until(() => cells.get(BEGUN) === 1)
    for (let item = 1; item < 500; item++) await system.send(item)
    const results = system.results()
    // They overtake it.
    const seen = []
    for (let read = 1; read < 500; read++) seen.push((await results.next()).value)
    t.deepEqual(
      seen.sort((a, b) => Number(a) - Number(b)),
      range(500).slice(1),
    )
    cells.count(GATE)
    t.is((await results.next()).value, 0)
    assertConservation(t, await system.stop())
  })

  test(`stop() waits for an item that is ${name}, and idle() too`, async (t) => {
    const { cells, system } = make(name, 100, { consumers: 2 })
    await system.start()
    await system.sendMany(range(100))
    let idle = false
    const idling = system.idle().then(() => {
      idle = true
    })
    await until(() => cells.get(FINISHED) === 99)
    await turns(20)
    t.false(idle)
    const stopping = system.stop()
    t.is(system.stats().state, 'draining')
    cells.count(GATE)
    await idling
    const report = await stopping
    t.deepEqual([report.state, report.processed], ['stopped', 100])
    assertConservation(t, report)
  })
}

test('stop() settles everything that is queued or waits to be sent', async (t) => {
  const { cells, system } = make('working', 300, { consumers: 3, capacity: 10 })
  await system.start()
  const sending = system.sendMany(range(300))
  const report = await system.stop()
  await sending
  t.is(report.processed, 300)
  for (const item of range(300)) t.is(cells.get(finished(item)), 1)
  assertConservation(t, report)
})

test('while it is paused no item is begun', async (t) => {
  const { cells, system } = make('working', 400, { consumers: 2, capacity: 400 })
  await system.start()
  await system.sendMany(range(400))
  await until(() => cells.get(FINISHED) > 20)
  for (let round = 0; round < 5; round++) {
    system.pause()
    await until(() => system.stats().inFlight === 0 || cells.get(BEGUN) === cells.get(FINISHED))
    await turns(20)
    const before = cells.get(BEGUN)
    await turns(200)
    t.is(cells.get(BEGUN), before)
    system.resume()
    await until(() => cells.get(BEGUN) > before || before === 400)
  }
  await system.idle()
  t.is(cells.get(FINISHED), 400)
  system.pause()
  const report = await system.stop()
  t.is(report.processed, 400)
  assertConservation(t, report)
})

test('stop() of a paused system lets it go on to its end', async (t) => {
  const { cells, system } = make('default' as Exports, 100, { consumers: 2 })
  await system.start()
  system.pause()
  await system.sendMany(range(100))
  await turns(50)
  t.is(cells.get(BEGUN), 0)
  const report = await system.stop()
  t.is(report.processed, 100)
  assertConservation(t, report)
})

for (const name of ['busy', 'allBlocking', 'allPending'] as const) {
  test(`past the time-out of a stop what is ${name} is given up`, async (t) => {
    const { cells, system } = make(name, 20, { consumers: 2 })
    const letters: DeadLetter<number>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    await system.sendMany(range(20))
    const run = system.run(0)
    await until(() => cells.get(BEGUN) === 2)
    const [report] = await Promise.all([
      system.stop({ timeout: 1 }),
      t.throwsAsync(run, { code: 'ERR_MILLRACE_TIMEOUT' }),
    ])
    t.deepEqual([report.state, report.deadLettered, letters.length], ['stopped', 21, 21])
    t.deepEqual(letters.map(({ attempts }) => attempts).sort(), [...Array(19).fill(0), 1, 1])
    t.true(letters.every(({ reason, deaths }) => reason === 'timeout' && deaths === 0))
    t.is(cells.get(BEGUN), 2)
    t.is(cells.get(FINISHED), 0)
    assertConservation(t, report)
  })

  test(`abort() gives up what is ${name}, and gives back the rest`, async (t) => {
    const { cells, system } = make(name, 20, { consumers: 2 })
    const letters: DeadLetter<number>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    await system.sendMany(range(20))
    await until(() => cells.get(BEGUN) === 2)
    const report = await system.abort(new Error('enough'))
    t.deepEqual([report.state, report.deadLettered, report.discarded], ['aborted', 2, 18])
    t.deepEqual(
      [...report.unprocessed, ...letters.map(({ item }) => item)].sort((a, b) => a - b),
      range(20),
    )
    t.true(letters.every(({ reason, attempts }) => reason === 'aborted' && attempts === 1))
    assertConservation(t, report)
  })
}

test('the signal of a context aborts with the reason', async (t) => {
  for (const end of ['stop', 'abort'] as const) {
    const { cells, system } = make('untilAborted', 10, { consumers: 2 })
    await system.start()
    await system.sendMany([0, 1, 2])
    await until(() => cells.get(BEGUN) === 2)
    const report =
      end === 'stop' ? await system.stop({ timeout: 1 }) : await system.abort(new Error('enough'))
    t.is(cells.get(ABORTS), 2, end)
    assertConservation(t, report)
  }
})

test('an abort at whatever moment loses nothing and settles nothing twice', async (t) => {
  for (let round = 0; round < 20; round++) {
    const { cells, system } = make(round % 2 ? 'working' : ('default' as Exports), 2000, {
      consumers: 2,
      capacity: 50,
      results: round % 3 === 0,
    })
    const letters: number[] = []
    system.on('deadLetter', ({ item }) => letters.push(item))
    await system.start()
    let accepted = 2000
    const sending = system.sendMany(range(2000)).catch((error: { accepted: number }) => {
      accepted = error.accepted
    })
    // Less than the results that fit, which nobody reads.
    const least = round * 2
    await until(() => cells.get(BEGUN) >= least)
    const report = round % 4 === 3 ? await system.stop({ timeout: 0 }) : await system.abort()
    await sending
    t.is(report.produced, accepted)
    const unprocessed = [...report.unprocessed, ...letters]
    t.is(new Set(unprocessed).size, unprocessed.length, 'each once')
    t.is(report.processed + unprocessed.length, accepted)
    for (const item of range(2000)) t.true(cells.get(begun(item)) <= 1)
    assertConservation(t, report)
  }
})

test('a slow reader of results slows the workers', async (t) => {
  const { cells, system } = make('default' as Exports, 5000, { consumers: 2, capacity: 20, results: true })
  await system.start()
  const sending = system.sendMany(range(5000))
  const results = system.results()
  // Each worker goes on until it reports, a quarter of a millisecond at the most, and then waits for room.
  await until(() => cells.get(FINISHED) > 0)
  let before = -1
  while (before < cells.get(FINISHED)) {
    before = cells.get(FINISHED)
    await turns(200)
  }
  t.true(before < 1000, `${before} were finished`)
  t.is(system.stats().queued + system.stats().inFlight > 0, true)
  const seen = new Set<unknown>()
  for (let read = 0; read < 5000; read++) seen.add((await results.next()).value)
  t.is(seen.size, 5000)
  await sending
  const report = await system.stop()
  t.is(report.processed, 5000)
  assertConservation(t, report)
})

test('stop() is not held up by results that nobody reads', async (t) => {
  const { system } = make('default' as Exports, 1000, { consumers: 2, capacity: 5, results: true })
  await system.start()
  const sending = system.sendMany(range(1000))
  const report = await system.stop()
  await sending
  t.is(report.processed, 1000)
  const seen = new Set<unknown>()
  for await (const result of system.results()) seen.add(result)
  t.is(seen.size, 1000)
  assertConservation(t, report)
})

test('a reader that breaks off ends the collection, and the workers go on', async (t) => {
  const { system } = make('default' as Exports, 2000, { consumers: 2, capacity: 10, results: true })
  await system.start()
  const sending = system.sendMany(range(2000))
  let count = 0
  for await (const _ of system.results()) if (++count === 50) break
  await sending
  await system.idle()
  t.is(system.stats().processed, 2000)
  assertConservation(t, await system.stop())
})

test('await using ends the workers', async (t) => {
  const { cells, system } = make('default' as Exports, 10, { consumers: 2 })
  {
    await using scoped = system
    await scoped.start()
    await scoped.sendMany(range(10))
  }
  t.is(cells.get(FINISHED), 10)
  t.is(system.stats().state, 'stopped')
  assertConservation(t, system.stats())
})
