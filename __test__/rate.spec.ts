/** What a rate lets through. MILLRACE_LONG=1 measures for 10 s, and minds 1 %. */

import test, { type ExecutionContext } from 'ava'
import { Channel, handlerModule, InvalidOptionError, ProducerConsumerSystem } from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { Thread } from './helpers/worker.js'
import type * as Timed from './modules/timed.js'
import { now } from './modules/timed.js'

const LONG = process.env.MILLRACE_LONG === '1'
const CELLS = new URL('./helpers/cells.js', import.meta.url).href
const TIMED = new URL('./modules/timed.js', import.meta.url)

const SECONDS = LONG ? 10 : 1
const [LIMIT, BURST] = [1000, 10]
/** Some more than there is time for. */
const TOTAL = SECONDS * LIMIT + 5 * BURST

const RECEIVE = `
  const { Cells } = await import(data.cells)
  const { default: note, init } = await import(data.timed)
  const cells = new Cells(data.memory)
  init(data.times)
  const channel = Channel.attach(data.token)
  cells.count(0)
  await cells.opened(1)
  let received = 0
  const take = (item) => {
    note(item)
    received++
  }
  if (data.index === 0) for await (const item of channel) take(item)
  else if (data.index === 1) {
    while (true) {
      const items = await channel.receiveMany(7)
      if (items.length === 0) break
      items.forEach(take)
    }
  } else try {
    for (;;) {
      const lease = await channel.lease()
      if (lease.attempt !== 1) throw new Error('a limited item is no attempt')
      lease.settle()
      take(lease.item)
    }
  } catch (error) {
    if (error.code !== 'ERR_MILLRACE_CLOSED') throw error
  }
  say(received)
`

/** Lets `TOTAL` items through, each of which notes its time; returns when it began. */
type Receivers = (t: ExecutionContext, times: SharedArrayBuffer) => Promise<number>

const RECEIVERS: Record<string, Receivers> = {
  'threads that receive from a channel': async (t, times) => {
    const channel = new Channel<number>({ capacity: TOTAL, rate: { limit: LIMIT } })
    const cells = new Cells(2)
    const data = { token: channel.token, memory: cells.memory, times, cells: CELLS, timed: TIMED.href }
    const threads = [0, 1, 2, 3].map((index) => new Thread(t, RECEIVE, { ...data, index }))
    while (cells.get(0) < 4) await new Promise(setImmediate)
    await channel.sendMany(Array.from({ length: TOTAL }, (_, item) => item))
    channel.close()
    const begin = now()
    cells.count(1)
    const received = await Promise.all(threads.map((thread) => thread.said<number>()))
    t.log(`by thread ${received.join(', ')}`)
    t.is(
      received.reduce((sum, n) => sum + n),
      TOTAL,
    )
    return begin
  },
  "workers of a system's module": async (t, times) => {
    const system = new ProducerConsumerSystem<number, void>({
      consumers: 4,
      capacity: TOTAL,
      rate: { limit: LIMIT },
      handler: handlerModule<typeof Timed>(TIMED, { init: times }),
    })
    await system.start()
    const begin = now()
    await system.sendMany(Array.from({ length: TOTAL }, (_, item) => item))
    const report = await system.stop()
    t.log(`by worker ${report.consumers.map(({ items }) => items).join(', ')}`)
    t.is(report.processed, TOTAL)
    assertConservation(t, report)
    return begin
  },
}

for (const [who, receive] of Object.entries(RECEIVERS)) {
  test.serial(`a rate holds over four ${who}`, async (t) => {
    t.timeout(120_000)
    const counts: number[] = []
    // What a busy machine keeps from receiving for more than 10 ms is lost, so the bound is for one good run.
    const least = SECONDS * LIMIT * (LONG ? 0.99 : 0.9)
    while (counts.length < 8 && (counts.at(-1) ?? 0) < least) {
      const times = new SharedArrayBuffer(8 * TOTAL)
      const begin = await receive(t, times)
      const count = new Float64Array(times).filter((time) => time < begin + SECONDS).length
      t.log(`${count} items in ${SECONDS} s`)
      // What came at once, and a token for the moment itself.
      t.true(count <= SECONDS * LIMIT + BURST + 1, `${count} items`)
      counts.push(count)
    }
    t.true((counts.at(-1) as number) >= least, `${counts} items in ${SECONDS} s`)
  })
}

test('rates are checked', (t) => {
  const bad: [option: string, rate: unknown][] = [
    ['rate', 5],
    ['rate', null],
    ['rate', []],
    ['rate.limt', { limt: 5 }],
    ...[0, -1, 0.5, '5', null, undefined, Number.NaN].map((limit): [string, unknown] => [
      'rate.limit',
      { limit },
    ]),
    ...[0, -1, '5', null, Number.NaN, Number.POSITIVE_INFINITY].map((per): [string, unknown] => [
      'rate.per',
      { limit: 1, per },
    ]),
  ]
  for (const [option, rate] of bad) {
    const error = t.throws(() => new Channel({ rate: rate as { limit: number } }), {
      instanceOf: InvalidOptionError,
    })
    t.is(error?.option, option)
  }
})

test('what there is no token for stays, and comes in time', async (t) => {
  const channel = new Channel<number>({ rate: { limit: 1, per: 300 } })
  await channel.sendMany([1, 2, 3])
  const begin = performance.now()
  t.deepEqual(channel.tryReceive(), { value: 1 })
  t.is(channel.tryReceive(), undefined)
  t.is(channel.length, 2)
  t.is(await channel.receive(), 2)
  t.is(await channel.receive(), 3)
  t.true(performance.now() - begin >= 600 - 10 - 1)
  channel.close()
  t.deepEqual(await channel.receiveMany(1), [])
})
