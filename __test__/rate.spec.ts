import test, { type ExecutionContext } from 'ava'
import { Channel, InvalidOptionError } from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { Thread } from './helpers/worker.js'

const LONG = process.env.MILLRACE_LONG === '1'
const CELLS = new URL('./helpers/cells.js', import.meta.url).href

const RECEIVE = `
  const { Cells } = await import(data.cells)
  const cells = new Cells(data.memory)
  const channel = Channel.attach(data.token)
  cells.count(0)
  await cells.opened(1)
  let received = 0
  if (data.index === 0) for await (const item of channel) received++
  else if (data.index === 1) {
    while (true) {
      const items = await channel.receiveMany(7)
      if (items.length === 0) break
      received += items.length
    }
  } else try {
    for (;;) {
      const lease = await channel.lease()
      if (lease.attempt !== 1) throw new Error('a limited item is no attempt')
      lease.settle()
      received++
    }
  } catch (error) {
    if (error.code !== 'ERR_MILLRACE_CLOSED') throw error
  }
  say(received)
`

test('a rate holds over the receivers of four threads', async (t) => {
  t.timeout(120_000)
  const rates: number[] = []
  // What a busy machine keeps from receiving for more than 10 ms is lost, so the bound is for one good run.
  const least = LONG ? 990 : 900
  while (rates.length < 8 && (rates.at(-1) ?? 0) < least) rates.push(await rateOfFourThreads(t))
  t.true((rates.at(-1) as number) >= least, `${rates} items/s`)
})

async function rateOfFourThreads(t: ExecutionContext): Promise<number> {
  const seconds = LONG ? 10 : 1
  const [limit, burst] = [1000, 10]
  const total = seconds * limit + burst
  const channel = new Channel<number>({ capacity: total, rate: { limit, per: 1000 } })
  const cells = new Cells(2)
  const data = { token: channel.token, memory: cells.memory, cells: CELLS }
  const threads = [0, 1, 2, 3].map((index) => new Thread(t, RECEIVE, { ...data, index }))
  while (cells.get(0) < 4) await new Promise(setImmediate)
  await channel.sendMany(Array.from({ length: total }, (_, item) => item))
  channel.close()
  const begin = performance.now()
  cells.count(1)
  const received = await Promise.all(threads.map((thread) => thread.said<number>()))
  const elapsed = (performance.now() - begin) / 1000
  t.is(
    received.reduce((sum, n) => sum + n),
    total,
  )
  const rate = (total - burst) / elapsed
  t.log(`${rate.toFixed(1)} items/s; by thread ${received.join(', ')}`)
  t.true(rate <= limit * 1.01, `${rate} items/s`)
  return rate
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
