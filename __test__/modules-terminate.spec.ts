/** Workers that are terminated from outside at random moments. MILLRACE_LONG=1 makes it 500 rounds, and minds the memory. */

import type { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { type DeadLetter, handlerModule, ProducerConsumerSystem } from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { turns, until } from './helpers/gate.js'
import { runFile } from './helpers/program.js'
import { Random } from './helpers/random.js'
import type * as Shared from './modules/shared.js'
import { begun, finished, INITS, ITEMS } from './modules/shared.js'

const LONG = process.env.MILLRACE_LONG === '1'
const ROUNDS = LONG ? 500 : 50
const SHARED = new URL('./modules/shared.js', import.meta.url)

const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

/** The worker threads that live, in the order of their start. */
const workers: Worker[] = []
let startedWorkers = 0
process.on('worker', (worker) => {
  startedWorkers++
  workers.push(worker)
  worker.on('exit', () => workers.splice(workers.indexOf(worker), 1))
})

for (const [name, each] of [
  ['working', 20],
  ['default', 3000],
] as const) {
  test.serial(`terminating a random worker in the middle of its work loses nothing: ${name}`, async (t) => {
    t.timeout(LONG ? 1_200_000 : 120_000)
    const random = new Random(t)
    const rounds = Math.ceil(ROUNDS / 2)
    const items = rounds * each
    const cells = new Cells(ITEMS + 2 * items)
    const handler = handlerModule<{ working(item: number): number }, 'working'>(SHARED, {
      export: name as 'working',
      init: cells.memory,
    })
    const system = new ProducerConsumerSystem({ consumers: 3, capacity: 100, handler, results: true })
    const letters: DeadLetter<number>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    const before = startedWorkers
    // One that is ended while it loads has nothing to lose.
    const allWork = (): boolean => workers.length > 0 && cells.get(INITS) === startedWorkers - before
    await system.start()
    const results: number[] = []
    const reading = (async () => {
      for await (const result of system.results()) results.push(result)
    })()
    let terminated = 0
    for (let round = 0; round < rounds; round++) {
      const sending = system.sendMany(range(each).map((n) => round * each + n))
      await turns(random.below(40))
      const victim = workers[random.below(workers.length)]
      if (victim && allWork()) {
        terminated++
        void victim.terminate()
      }
      await sending
      await until(allWork)
    }
    const report = await system.stop()
    await reading
    assertConservation(t, report)
    t.is(report.produced, items)
    assertEachOnce(t, items, results, letters)
    assertHandledOnce(t, cells, items, report.failedAttempts)
    t.true(report.failedAttempts <= terminated, `${report.failedAttempts} deaths of ${terminated}`)
    t.log(
      `${terminated} terminated, ${report.failedAttempts} with an item in hand, ${letters.length} given up`,
    )
  })
}

/** Every item has one result, or is a dead letter that killed two workers. */
function assertEachOnce(
  t: ExecutionContext,
  items: number,
  results: readonly number[],
  letters: readonly DeadLetter<number>[],
): void {
  t.deepEqual(
    [...results, ...letters.map(({ item }) => item)].sort((a, b) => a - b),
    range(items),
  )
  t.true(letters.every(({ reason, deaths, attempts }) => reason === 'died' && deaths === 2 && attempts === 2))
}

/** None was begun more often than it had attempts, and all attempts but the deaths were only ones. */
function assertHandledOnce(t: ExecutionContext, cells: Cells, items: number, deaths: number): void {
  let again = 0
  for (const item of range(items)) {
    const times = cells.get(begun(item))
    t.true(times <= 2 && cells.get(finished(item)) <= times, `item ${item} was begun ${times} times`)
    if (times > 1) again++
  }
  t.true(again <= deaths, `${again} were begun again after ${deaths} deaths`)
}

test.serial('workers that exit at random moments lose nothing', async (t) => {
  t.timeout(LONG ? 1_200_000 : 120_000)
  const random = new Random(t)
  const rounds = LONG ? 50 : 4
  for (let round = 0; round < rounds; round++) {
    const items = 3000
    const cells = new Cells(ITEMS + 2 * items)
    const handler = handlerModule<typeof Shared, 'exiting'>(SHARED, {
      export: 'exiting',
      init: { memory: cells.memory, seed: random.below(2 ** 31) } as never,
    })
    const system = new ProducerConsumerSystem({ consumers: 1 + random.below(3), capacity: items, handler })
    const letters: DeadLetter<number>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    const outcomes = await Promise.allSettled(range(items).map((item) => system.run(item)))
    const report = await system.stop()
    assertConservation(t, report)
    const results = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    assertEachOnce(t, items, results as number[], letters)
    assertHandledOnce(t, cells, items, report.failedAttempts)
  }
})

test.serial('a process may exit at whatever moment', async (t) => {
  const random = new Random(t)
  const rounds = LONG ? 100 : 8
  for (let round = 0; round < rounds; round++) {
    const [what, end] = [
      ['handler', `setTimeout(() => process.exit(7), ${random.below(250)})`],
      ['sources', `setTimeout(() => process.exit(7), ${random.below(250)})`],
      ['handler', `starting.then(() => process.exit(7))`],
      ['sources', `starting.then(() => setImmediate(() => process.exit(7)))`],
      ['both', `starting.then(() => system.stop()).then(() => process.exit(7))`],
      ['both', `setTimeout(() => { void system.abort(); process.exit(7) }, ${random.below(250)})`],
    ][round % 6] as [string, string]
    const ended = await runFile(
      t,
      `const { sourceModule } = await import(library)
      const code = (text) => new URL('data:text/javascript,' + encodeURIComponent(text))
      const source = ${what === 'handler'}
        ? sequence({ of: 'number' })
        : sourceModule(code('export default function* () { for (let n = 0; ; n++) yield n }'))
      const handler = ${what === 'sources'}
        ? async (n) => n
        : code('export default (n) => n % 2 ? n : Promise.resolve(n)')
      const system = new ProducerConsumerSystem({ producers: 2, consumers: 2, source, handler })
      const starting = system.start()
      starting.catch(() => {})
      ${end}`,
    )
    t.deepEqual(ended, { code: 7, signal: null, stdout: '', stderr: '' }, `${what}: ${end}`)
  }
})

test.serial('idle workers keep no process alive, and work does', async (t) => {
  const ended = await runFile(
    t,
    `const code = (text) => new URL('data:text/javascript,' + encodeURIComponent(text))
    const handler = code('export default async (n) => { await new Promise((resolve) => setTimeout(resolve, 5)); return n }')
    const system = new ProducerConsumerSystem({ consumers: 2, handler })
    await system.start()
    for (let n = 0; n < 20; n++) system.trySend(n)
    process.on('exit', () => console.log(system.stats().processed))`,
  )
  t.deepEqual(ended, { code: 0, signal: null, stdout: '20\n', stderr: '' })
})

test.serial('a handler that sends keeps the process alive until all is settled', async (t) => {
  const ended = await runFile(
    t,
    `const code = (text) => new URL('data:text/javascript,' + encodeURIComponent(text))
    const handler = code('export default async (n, context) => { if (n > 0) await context.send(n - 1) }')
    const system = new ProducerConsumerSystem({ consumers: 2, handler })
    await system.start()
    await system.send(200)
    process.on('exit', () => console.log(system.stats().processed))`,
  )
  t.deepEqual(ended, { code: 0, signal: null, stdout: '201\n', stderr: '' })
})

test.serial('a program that stops its system ends, whatever its modules have begun', async (t) => {
  const ended = await runFile(
    t,
    `const code = (text) => new URL('data:text/javascript,' + encodeURIComponent(text))
    const handler = code('setInterval(() => {}, 1000); export default (n) => n + 1')
    const system = new ProducerConsumerSystem({ consumers: 2, handler })
    await system.start()
    console.log(await system.run(1))
    console.log((await system.stop()).processed)`,
  )
  t.deepEqual(ended, { code: 0, signal: null, stdout: '2\n1\n', stderr: '' })
})

if (LONG) {
  test.serial('terminated workers leave no more memory behind than those of a control', async (t) => {
    t.timeout(1_200_000)
    const program = (begin: string) => `
      import { Worker } from 'node:worker_threads'
      const workers = new Set()
      process.on('worker', (worker) => {
        workers.add(worker)
        worker.on('exit', () => workers.delete(worker))
      })
      ${begin}
      const rss = []
      for (let round = 0; round < 500; round++) {
        await begin()
        const [victim] = workers
        await victim.terminate()
        if (round === 100 || round === 499) rss.push(process.memoryUsage().rss)
      }
      console.log(rss[1] - rss[0])
      process.exit(0)`
    const control = await runFile(
      t,
      program(`
        const module = new URL('data:text/javascript,import { parentPort } from "node:worker_threads"; setInterval(() => {}, 1000); parentPort.postMessage(1)')
        const begin = () => new Promise((resolve) => new Worker(module).once('message', resolve))`),
    )
    const tested = await runFile(
      t,
      program(`
        const handler = new URL('data:text/javascript,export default async (n) => n')
        const system = new ProducerConsumerSystem({ consumers: 1, handler })
        await system.start()
        const begin = () => Promise.all([system.run(1).catch(() => {}), system.sendMany([2, 3, 4])])`),
    )
    const [growth, allowed] = [Number(tested.stdout), Number(control.stdout)]
    t.log(`rss grew by ${growth >> 20} MiB, that of the control by ${allowed >> 20} MiB`)
    t.true(growth < Math.max(allowed, 0) + (24 << 20), `${tested.stdout}${tested.stderr}`)
  })
}
