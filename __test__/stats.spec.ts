import test from 'ava'
import { type Percentiles, ProducerConsumerSystem, type SystemStats, sequence, sleep } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, until } from './helpers/gate.js'

test('a system that has not started has done nothing', async (t) => {
  const system = new ProducerConsumerSystem({
    producers: 2,
    consumers: 3,
    capacity: 7,
    source: sequence(),
    handler: sleep(1),
  })
  const none = { count: 0, p50: 0, p90: 0, p99: 0, max: 0 }
  const { producers, consumers, ...stats } = system.stats()
  t.deepEqual(stats, {
    state: 'ready',
    elapsed: 0,
    capacity: 7,
    queued: 0,
    peakQueued: 0,
    waitingSends: 0,
    produced: 0,
    processed: 0,
    failedAttempts: 0,
    retrying: 0,
    deadLettered: 0,
    discarded: 0,
    inFlight: 0,
    throughput: { current: 0, mean: 0 },
    waiting: { producers: 0, consumers: 0 },
    latency: { queued: none, handling: none },
  })
  const rest = { state: 'starting', items: 0, failed: 0, busy: 0, waiting: 0 } as const
  t.deepEqual(
    producers.filter(({ name }) => name !== 'send'),
    ['millrace-p0', 'millrace-p1'].map((name) => ({ name, ...rest })),
  )
  t.deepEqual(
    consumers,
    ['millrace-c0', 'millrace-c1', 'millrace-c2'].map((name) => ({ name, ...rest })),
  )
  await system.stop()
})

test('figures add up while items move, and are exact at rest', async (t) => {
  const system = new ProducerConsumerSystem({
    producers: 2,
    consumers: 2,
    capacity: 20,
    source: sequence({ limit: 100 }),
    handler: sleep([0, 2]),
  })
  await system.start()
  let before: SystemStats = system.stats()
  while (system.stats().state !== 'stopped') {
    const stats = system.stats()
    t.true(stats.elapsed >= before.elapsed)
    t.true(stats.produced >= before.produced && stats.processed >= before.processed)
    t.true(stats.processed <= stats.produced && stats.queued <= 20)
    before = stats
    await new Promise((resolve) => setImmediate(resolve))
  }
  const report = await system.finished
  t.is(report.processed, 100)
  t.true(report.elapsed > 0)
  t.true(Math.abs(report.throughput.mean - 100 / (report.elapsed / 1000)) < 1)
  t.is(report.latency.handling.count, 100)
  const { p50, p90, p99, max } = report.latency.handling
  t.true(0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= max)
  t.is(
    report.consumers.reduce((sum, { items }) => sum + items, 0),
    100,
  )
  t.is(
    report.producers.reduce((sum, { items }) => sum + items, 0),
    100,
  )
  t.true(report.consumers.every(({ state, busy }) => state === 'ended' && busy > 0))
  assertConservation(t, report)
})

test('a system that has ended keeps its last figures', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (item: number) => item })
  await system.start()
  await system.sendMany([1, 2, 3])
  const { unprocessed, detached, ...report } = await system.stop()
  t.deepEqual(system.stats(), report)
  // What a caller does to them does not matter to the next.
  system.stats().latency.handling.count = 99
  t.deepEqual(system.stats(), report)
  t.deepEqual([unprocessed, detached], [[], []])
})

test('what is in hand, queued and waiting is told apart', async (t) => {
  const gate = new Gate()
  const system = new ProducerConsumerSystem({
    capacity: 2,
    consumers: 3,
    handler: (_: number) => gate.opened,
  })
  await system.start()
  const sends = Array.from({ length: 8 }, (_, index) => system.send(index))
  await until(() => system.stats().inFlight === 3)
  const { inFlight, queued, waitingSends, produced } = system.stats()
  t.deepEqual(
    { inFlight, queued, waitingSends, produced },
    { inFlight: 3, queued: 2, waitingSends: 3, produced: 5 },
  )
  assertConservation(t, system.stats())
  gate.open()
  await Promise.all(sends)
  assertConservation(t, await system.stop())
})

for (const consumers of [1, 2]) {
  test(`an asynchronous handler of 50 ms is told to take that long, with ${consumers} of them`, async (t) => {
    const took: number[] = []
    const system = new ProducerConsumerSystem({
      consumers,
      source: Array.from({ length: 10 * consumers }, (_, n) => n),
      handler: async (item: number) => {
        const began = performance.now()
        await new Promise((resolve) => setTimeout(resolve, 50))
        took.push(performance.now() - began)
        if (item % 5 === 4) throw Object.assign(new Error('no'), { took: took.at(-1) })
      },
    })
    await system.start()
    const { latency } = await system.finished
    const longest = Math.max(...took)
    t.true(latency.handling.count >= 8, `${latency.handling.count} samples`)
    // The buckets of a histogram, and the end of the turn, come on top.
    t.true(latency.handling.max <= 1.05 * longest + 10, `${latency.handling.max} of ${longest}`)
    t.true(latency.handling.p50 >= 45, `${latency.handling.p50}`)
    for (const { firstAt, lastAt, error } of system.deadLetters) {
      const told = lastAt - firstAt
      const real = (error as { took: number }).took
      t.true(Math.abs(told - real) <= 20, `${told} of ${real}`)
    }
  })
}

/** Keeps this thread busy. */
const spin = (ms: number): number => {
  const began = performance.now()
  while (performance.now() - began < ms);
  return performance.now() - began
}

test('a function whose items come one by one is told to be busy as long as it is', async (t) => {
  let measured = 0
  const system = new ProducerConsumerSystem({
    handler: (_: number) => {
      measured += spin(0.4)
    },
  })
  await system.start()
  for (let n = 0; n < 200; n++) {
    await system.run(n)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const { consumers, latency } = system.stats()
  const busy = consumers[0]?.busy ?? 0
  t.true(busy >= 0.8 * measured, `${busy} of ${measured}`)
  t.true(latency.handling.count >= 100, `${latency.handling.count} samples`)
  assertConservation(t, await system.stop())
})

for (const consumers of [1, 5]) {
  test(`quick asynchronous handlers are told to be quick, and slow ones among them slow, with ${consumers}`, async (t) => {
    const run = async (handler: (item: number) => Promise<void>, items: number): Promise<Percentiles> => {
      const system = new ProducerConsumerSystem({ consumers, handler })
      await system.start()
      for (let item = 0; item < items; item++) await system.send(item)
      await system.idle()
      const { latency } = system.stats()
      assertConservation(t, await system.stop())
      return latency.handling
    }
    const quick = await run(async () => {
      spin(0.05)
      await null
    }, 5000)
    // Each waits for the ones that go on at the same time.
    t.true(quick.p50 >= 0.045 && quick.p50 <= 0.05 * (consumers + 3), `${quick.p50}`)
    // Timers may be a ms early.
    const mixed = await run(async (item) => {
      if (item % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }, 1000)
    t.true(mixed.max >= 3, `${mixed.max} of ${mixed.count} samples`)
  })
}

test('what waits in the chunk of a function is told to wait', async (t) => {
  const waits: number[] = []
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: async (sent: number) => {
      waits.push(performance.now() - sent)
      await new Promise((resolve) => setTimeout(resolve, 5))
    },
  })
  await system.start()
  for (let n = 0; n < 100; n++) await system.send(performance.now())
  await system.idle()
  const { queued } = system.stats().latency
  const longest = Math.max(...waits)
  t.true(queued.max >= 0.9 * longest && queued.max <= 1.1 * longest, `${queued.max} of ${longest}`)
  t.true(queued.count >= 50, `${queued.count} samples`)
  assertConservation(t, await system.stop())
})

test('the row of sends says that they go on, and that they have ended', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (_: number) => {} })
  await system.start()
  await system.send(1)
  t.is(system.stats().producers.at(-1)?.state, 'busy')
  const report = await system.stop()
  t.is(report.producers.at(-1)?.state, 'ended')
})
