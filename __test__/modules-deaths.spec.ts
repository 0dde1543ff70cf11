/** Workers that die: what they held goes back, once, and what kills two of them is given up. */

import test from 'ava'
import {
  type DeadLetter,
  handlerModule,
  ModuleError,
  ProducerConsumerSystem,
  WorkerDiedError,
} from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { until } from './helpers/gate.js'
import { assertSaid, runFile } from './helpers/program.js'
import type * as Shared from './modules/shared.js'
import { BEGUN, begun, finished, GATE, INITS, ITEMS } from './modules/shared.js'

const SHARED = new URL('./modules/shared.js', import.meta.url)

const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8 }

type Exports = Exclude<keyof typeof Shared, 'default'>

/** A handler, and the cells that it counts in. */
function shared<E extends Exports>(name: E, items: number, options = {}) {
  const cells = new Cells(ITEMS + 2 * items)
  const handler = handlerModule<typeof Shared, E>(SHARED, { ...options, export: name, init: cells.memory })
  return { cells, handler }
}

const byItem = ([a]: unknown[], [b]: unknown[]): number => (a as number) - (b as number)

const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

for (const [way, cause] of [
  ['exit', /exited with code 3/],
  ['throw', /outside of the handler/],
  ['reject', /outside of the handler/],
  ['memory', /memory limit/],
] as const) {
  test(`a worker that dies by ${way} loses nothing`, async (t) => {
    for (const consumers of [1, 2]) {
      const { cells, handler } = shared('endedBy', 100, { resourceLimits: LIMITS })
      const system = new ProducerConsumerSystem({ consumers, handler, results: true })
      await system.start()
      await system.sendMany(range(100).map((item) => `${item} ${way}`))
      const report = await system.stop()
      const results: number[] = []
      for await (const result of system.results()) results.push(result)
      t.deepEqual(
        results.sort((a, b) => a - b),
        range(100),
      )
      for (const item of range(100)) {
        const counts = [cells.get(begun(item)), cells.get(finished(item))]
        t.deepEqual(counts, [item === 5 ? 2 : 1, 1], `item ${item}`)
      }
      t.deepEqual([report.processed, report.failedAttempts, report.deadLettered], [100, 1, 0])
      // A worker in a dead one's place is initialized too.
      if (consumers === 1) t.is(cells.get(INITS), 2)
      assertConservation(t, report)
    }
  })

  test(`an item whose workers die by ${way} twice is given up, with the cause`, async (t) => {
    const { handler } = shared('poisonedBy', 20, { resourceLimits: LIMITS })
    const system = new ProducerConsumerSystem({ consumers: 1, handler })
    const letters: DeadLetter<string>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    await system.sendMany(range(20).map((item) => `${item} ${way}`))
    const report = await system.stop()
    t.deepEqual(
      letters.map(({ item, attempts, deaths, reason }) => ({ item, attempts, deaths, reason })),
      [{ item: `5 ${way}`, attempts: 2, deaths: 2, reason: 'died' }],
    )
    const error = letters[0]?.error as WorkerDiedError
    t.true(error instanceof WorkerDiedError)
    t.regex((error.cause as Error).message, cause)
    t.deepEqual([report.processed, report.failedAttempts, report.deadLettered], [19, 2, 1])
    assertConservation(t, report)
  })
}

test('the cause of an error is what ended the very worker that had the item', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { handler } = shared('diesOf', 60)
    const system = new ProducerConsumerSystem<number, number>({ consumers: 3, handler, retry: { deaths: 1 } })
    const told: { item: number; error: unknown }[] = []
    system.on('deadLetter', (letter) => told.push(letter))
    system.on('attemptFailed', (attempt) => told.push(attempt))
    await system.start()
    const outcomes = await Promise.allSettled(range(60).map((item) => system.run(item)))
    for (const [item, outcome] of outcomes.entries())
      if (outcome.status === 'rejected') told.push({ item, error: outcome.reason })
    await system.stop()
    const dead = range(60).filter((item) => item % 10 === 0)
    t.deepEqual(
      told
        .map(({ item, error }) => [item, ((error as Error).cause as Error | undefined)?.message])
        .sort(byItem),
      dead.flatMap((item) => Array(3).fill([item, `died of ${item}`])),
    )
  }
})

test('no item is handled twice unless its worker died with it in hand', async (t) => {
  const { cells, handler } = shared('dying', 210)
  const system = new ProducerConsumerSystem({ consumers: 3, capacity: 200, handler, results: true })
  const results = system.results()
  await system.start()
  const sending = system.sendMany(range(210)).then(() => system.stop())
  const seen: number[] = []
  for await (const result of results) seen.push(result)
  t.deepEqual(
    seen.sort((a, b) => a - b),
    range(210),
  )
  for (const item of range(210)) {
    const times = item % 7 === 3 ? 2 : 1
    t.deepEqual([cells.get(begun(item)), cells.get(finished(item))], [times, 1], `item ${item}`)
  }
  const report = await sending
  t.deepEqual([report.processed, report.failedAttempts, report.deadLettered], [210, 30, 0])
  assertConservation(t, report)
})

test('an item that kills whoever handles it takes no other along', async (t) => {
  for (const consumers of [1, 3]) {
    const { cells, handler } = shared('poisoned', 200)
    const system = new ProducerConsumerSystem({ consumers, handler })
    const letters: DeadLetter<number>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    await system.sendMany(range(200))
    const report = await system.stop()
    t.deepEqual(
      letters.map(({ item, attempts, deaths, reason }) => ({ item, attempts, deaths, reason })),
      [{ item: 13, attempts: 2, deaths: 2, reason: 'died' }],
    )
    for (const item of range(200)) t.is(cells.get(begun(item)), item === 13 ? 2 : 1, `item ${item}`)
    t.deepEqual([report.processed, report.failedAttempts, report.deadLettered], [199, 2, 1])
    assertConservation(t, report)
  }
})

test('run() of an item that killed two workers rejects', async (t) => {
  const { handler } = shared('poisoned', 20)
  const system = new ProducerConsumerSystem({ consumers: 2, handler })
  await system.start()
  const runs = await Promise.allSettled(range(20).map((item) => system.run(item)))
  t.deepEqual(
    runs.map((run) => (run.status === 'fulfilled' ? run.value : run.reason.code)),
    range(20).map((item) => (item === 13 ? 'ERR_MILLRACE_WORKER_DIED' : item)),
  )
  t.true((runs[13] as PromiseRejectedResult).reason instanceof WorkerDiedError)
  assertConservation(t, await system.stop())
})

test('the second attempt of an item whose worker died knows that it is one', async (t) => {
  const { cells, handler } = shared('contextOfSecond', 10)
  const system = new ProducerConsumerSystem<number, { attempt: number; id: string }>({
    consumers: 2,
    handler: handler as never,
  })
  await system.start()
  const seen = (await Promise.all([0, 1, 2].map((item) => system.run(item)))) as {
    attempt: number
    id: string
  }[]
  t.deepEqual(
    seen.map(({ attempt }) => attempt),
    [2, 2, 2],
  )
  t.is(new Set(seen.map(({ id }) => id)).size, 3)
  t.is(cells.get(BEGUN), 6)
  assertConservation(t, await system.stop())
})

test('a worker that dies idle is replaced, and nothing is lost', async (t) => {
  const { cells, handler } = shared('diesLater', 10)
  const system = new ProducerConsumerSystem({ consumers: 1, handler })
  await system.start()
  for (const item of range(3)) {
    t.is(await system.run(item), item)
    cells.count(GATE)
    await until(() => cells.get(INITS) === item + 2)
  }
  const report = await system.stop()
  t.deepEqual([report.processed, report.failedAttempts], [3, 0])
  assertConservation(t, report)
})

test('a worker that cannot be replaced any more ends the system with the reason', async (t) => {
  const handler = handlerModule<typeof Shared, 'poisoned'>(new URL('./modules/once.js', import.meta.url), {
    export: 'poisoned',
    init: new Cells(ITEMS + 40).memory,
  })
  const system = new ProducerConsumerSystem({ consumers: 1, handler })
  await system.start()
  await system.sendMany([13, 1, 2])
  const report = await system.finished
  t.is(report.state, 'aborted')
  const { cause } = (await t.throwsAsync(system.send(1), { code: 'ERR_MILLRACE_ABORTED' })) as Error
  t.true(cause instanceof ModuleError)
  t.regex((cause as Error).message, /failed 5 times: only once/)
  assertConservation(t, report)
})

test('the results of a worker that dies are kept where nobody has room for them yet', async (t) => {
  const { handler } = shared('dying', 100)
  const system = new ProducerConsumerSystem({ consumers: 2, capacity: 5, handler, results: true })
  await system.start()
  const sending = system.sendMany(range(100))
  const seen: number[] = []
  for await (const result of system.results()) {
    seen.push(result)
    if (seen.length === 100) break
  }
  await sending
  t.deepEqual(
    seen.sort((a, b) => a - b),
    range(100),
  )
  const report = await system.stop()
  t.is(report.processed, 100)
  assertConservation(t, report)
})

test('where there is no thread for it, a worker is replaced once there is', async (t) => {
  const ended = await runFile(
    t,
    `import workerThreads from 'node:worker_threads'
    import { syncBuiltinESMExports } from 'node:module'
    import { fileURLToPath } from 'node:url'
    const { Worker } = workerThreads
    let refusals = 0
    const { ProducerConsumerSystem: System } = await import(library)
    const handler = new URL('data:text/javascript,export default (item) => { if (item === "die") process.exit(3); return item }')
    const system = new System({ handler, consumers: 1, retry: { deaths: 1 } })
    await system.start()
    workerThreads.Worker = class extends Worker {
      constructor(...args) {
        if (refusals++ < 2) throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' })
        super(...args)
      }
    }
    syncBuiltinESMExports()
    await system.send('die')
    console.log(await system.run('next'), refusals)
    await system.stop()`,
  )
  assertSaid(t, ended, 'next 3')
})

test('a stop does not wait for a replacement that has nothing left to do', async (t) => {
  const source = `export async function init(cells) {
      if (Atomics.add(new Int32Array(cells), 0, 1) > 0) await new Promise(() => setInterval(() => {}, 1000))
    }
    export default () => process.exit(3)`
  const cells = new Cells(1)
  const module = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  const system = new ProducerConsumerSystem<string>({
    consumers: 1,
    retry: { deaths: 1 },
    handler: handlerModule<{ default: (item: string) => void }>(module, { init: cells.memory }),
  })
  await system.start()
  await t.throwsAsync(system.run('die'), { instanceOf: WorkerDiedError })
  // Its place is being taken by one that never comes to its end of that.
  await until(() => cells.get(0) === 2)
  const report = await system.stop()
  t.is(report.deadLettered, 1)
  assertConservation(t, report)
})

test('a limit of time minds no change of the clock', async (t) => {
  const now = Date.now
  t.teardown(() => {
    Date.now = now
  })
  const source = 'export default () => new Promise((resolve) => setTimeout(resolve, 400, "done"))'
  const system = new ProducerConsumerSystem<number, string>({
    consumers: 1,
    handlerTimeout: 5000,
    retry: { deaths: 1 },
    handler: new URL(`data:text/javascript,${encodeURIComponent(source)}`),
  } as never)
  await system.start()
  const run = system.run(1)
  await until(() => system.stats().inFlight === 1)
  Date.now = () => now() + 3_600_000
  t.is(await run, 'done')
  assertConservation(t, await system.stop())
})
