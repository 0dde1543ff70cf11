/** Sources that are modules: producers in worker threads. */

import test from 'ava'
import {
  Channel,
  handlerModule,
  ProducerConsumerSystem,
  SourceError,
  type SystemOptions,
  sourceModule,
  WorkerDiedError,
} from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { turns, until } from './helpers/gate.js'
import { assertSaid, runFile } from './helpers/program.js'
import type * as Sources from './modules/sources.js'
import { ABORTED, CALLS, MADE, RETURNED } from './modules/sources.js'

const SOURCES = new URL('./modules/sources.js', import.meta.url)
const PLAIN = new URL('./modules/plain.js', import.meta.url)

function make<T>(name: keyof typeof Sources, options: Partial<SystemOptions<T, unknown>>) {
  const cells = new Cells(8)
  const source = sourceModule<{ [K in string]: () => Iterable<T> }, string>(SOURCES, {
    export: name,
    init: cells.memory,
  })
  const system = new ProducerConsumerSystem<T, unknown>({ handler: () => {}, ...options, source })
  return { cells, system }
}

test('each worker calls the source once, and all of its items come', async (t) => {
  const seen: number[] = []
  const { cells, system } = make<number>('default' as never, {
    producers: 4,
    handler: (item) => void seen.push(item),
  })
  await system.start()
  const report = await system.finished
  t.is(cells.get(CALLS), 4)
  t.deepEqual(
    seen.sort((a, b) => a - b),
    Array.from({ length: 4000 }, (_, item) => item),
  )
  t.deepEqual([report.produced, report.processed], [4000, 4000])
  assertConservation(t, report)
})

test('items of one producer come in its order, and it knows which it is', async (t) => {
  const next = [0, 0, 0]
  const { system } = make<{ index: number; count: number; n: number }>('labelled', {
    producers: 3,
    capacity: 10,
    consumers: 1,
    handler: ({ index, count, n }) => {
      t.deepEqual([count, n], [3, next[index]])
      next[index] = n + 1
    },
  })
  await system.start()
  const report = await system.finished
  t.deepEqual(next, [500, 500, 500])
  assertConservation(t, report)
})

for (const name of ['together', 'blockingTogether'] as const) {
  test(`producers run side by side: ${name}`, async (t) => {
    const { system } = make<number>(name, { producers: 3 })
    await system.start()
    t.is((await system.finished).processed, 3)
  })
}

test('items go from worker to worker', async (t) => {
  const system = new ProducerConsumerSystem({
    producers: 2,
    consumers: 2,
    source: sourceModule<typeof Sources>(SOURCES, { init: new Cells(8).memory }),
    handler: handlerModule<{ default(item: number): number }>(PLAIN),
  })
  const results = system.results()
  await system.start()
  const seen: number[] = []
  for await (const result of results) seen.push(result)
  t.deepEqual(
    seen.sort((a, b) => a - b),
    Array.from({ length: 2000 }, (_, item) => 2 * item),
  )
  assertConservation(t, await system.finished)
})

test('stop() ends sources: they return, and what they made is settled', async (t) => {
  const { cells, system } = make<number>('endless', { producers: 2, capacity: 10 })
  await system.start()
  await until(() => system.stats().processed > 1000)
  const report = await system.stop()
  t.deepEqual([report.state, cells.get(RETURNED), cells.get(ABORTED)], ['stopped', 2, 2])
  t.is(report.produced, report.processed)
  t.true(report.produced <= cells.get(MADE))
  assertConservation(t, report)
})

test('stop() and abort() end sources that wait, and those that are busy', async (t) => {
  for (const name of ['waiting', 'busy', 'endless'] as const) {
    for (const end of ['stop', 'abort'] as const) {
      const { cells, system } = make<number>(name, { producers: 2 })
      await system.start()
      await until(() => cells.get(CALLS) === 2)
      const report = end === 'stop' ? await system.stop({ timeout: 5 }) : await system.abort()
      t.is(report.state, end === 'stop' ? 'stopped' : 'aborted', `${end} ${name}`)
      assertConservation(t, report)
    }
  }
})

test('a full channel slows sources', async (t) => {
  const { cells, system } = make<number>('endless', {
    producers: 2,
    capacity: 10,
    handler: () => new Promise(() => {}),
  })
  await system.start()
  await until(() => system.stats().queued === 10)
  let before = -1
  while (before < cells.get(MADE)) {
    before = cells.get(MADE)
    await turns(200)
  }
  t.true(before > 0 && before < 3000, `${before} were made`)
  t.is(system.stats().queued, 10)
  assertConservation(t, await system.abort())
})

for (const [name, cause] of [
  ['failing', { name: 'RangeError', message: 'no more', code: 'EMORE' }],
  ['throws', { name: 'TypeError', message: 'at once' }],
  ['uncloneable', { name: 'UncloneableError', code: 'ERR_MILLRACE_UNCLONEABLE' }],
  ['noIterable', { message: /iterable/ }],
] as const) {
  test(`a source that is ${name} ends production with its error`, async (t) => {
    const { system } = make<number>(name, { producers: 3 })
    await system.start()
    const error = (await t.throwsAsync(system.finished, { instanceOf: SourceError })) as SourceError
    for (const [key, value] of Object.entries(cause)) {
      const got: unknown = Reflect.get(error.cause as object, key)
      if (value instanceof RegExp) t.regex(String(got), value)
      else t.is(got, value)
    }
    t.is(error.report.produced, error.report.processed)
    assertConservation(t, error.report)
    await t.throwsAsync(system.stop(), { instanceOf: SourceError })
  })
}

test('a worker of a source that dies ends production, and what it made is settled', async (t) => {
  const { system } = make<number>('dying', { producers: 2 })
  await system.start()
  const error = (await t.throwsAsync(system.finished, { instanceOf: SourceError })) as SourceError
  t.true(error.cause instanceof WorkerDiedError)
  t.regex((error.cause as Error).message, /source 0.*code 4/)
  t.is(error.report.processed, 10)
  assertConservation(t, error.report)
})

test('sources that end while this thread is blocked have ended, and not died', async (t) => {
  for (let round = 0; round < 10; round++) {
    const { cells, system } = make<number>('default' as never, { producers: 2, capacity: 5000 })
    await system.start()
    while (cells.get(CALLS) < 2);
    // They are through, and their workers gone, before this thread hears of either.
    for (const end = performance.now() + 100; performance.now() < end; );
    const report = await system.finished
    t.is(report.processed, 2000)
    assertConservation(t, report)
  }
})

test('a module that fails to load while this thread is blocked fails with its own error', async (t) => {
  for (let round = 0; round < 3; round++) {
    const source = sourceModule(new URL('data:text/javascript,throw new RangeError("top")'))
    const system = new ProducerConsumerSystem({ producers: 1, source, handler: () => {} })
    const starting = system.start()
    await turns(5)
    for (const end = performance.now() + 300; performance.now() < end; );
    await t.throwsAsync(starting, { name: 'RangeError', message: 'top' })
  }
})

test('a worker that dies between its loading and its begin ends the system, or is replaced', async (t) => {
  for (const [options, end] of [
    ['producers: 2, source: sourceModule(module), handler: () => {}', 'finished'],
    ['consumers: 2, handler: module', 'stop()'],
  ] as const) {
    const ended = await runFile(
      t,
      `const { sourceModule } = await import(library)
      import { setTimeout } from 'node:timers/promises'
      const module = new URL('data:text/javascript,' + encodeURIComponent(\`
        setTimeout(() => process.exit(6), 20)
        export default () => [1]\`))
      const system = new ProducerConsumerSystem({ ${options} })
      const starting = system.start().catch(() => {})
      // Both are loaded, and dead, before this thread hears of either.
      await setTimeout(1)
      for (const end = performance.now() + 500; performance.now() < end; );
      await starting
      console.log(await system.${end}.then((report) => report.state, (error) => error.code))`,
    )
    // On a busy machine they die later, perhaps after their end.
    t.regex(ended.stdout, /^(stopped|ERR_MILLRACE_SOURCE)\n$/)
    t.deepEqual([ended.code, ended.signal, ended.stderr], [0, null, ''])
  }
})

test('a worker that dies while others still load is replaced once all can begin', async (t) => {
  assertSaid(
    t,
    await runFile(
      t,
      `const { handlerModule } = await import(library)
      const dead = new Int32Array(new SharedArrayBuffer(4))
      // The first is loaded and dies; the second loads until that has been heard; the third takes the first's place.
      const module = handlerModule(new URL('data:text/javascript,' + encodeURIComponent(\`
        import { threadId } from 'node:worker_threads'
        export function init(dead) {
          if (threadId === 1) setImmediate(() => process.exit(6))
          if (threadId === 2) Atomics.wait(dead, 0, 0)
        }
        export default () => threadId\`)), { init: dead })
      process.once('worker', (worker) => worker.once('exit', () => {
        dead[0] = 1
        Atomics.notify(dead, 0)
      }))
      const system = new ProducerConsumerSystem({ consumers: 2, handler: module })
      const died = new Promise((resolve) => system.once('workerExit', resolve))
      await system.start()
      const { worker } = await died
      while (system.stats().consumers.some(({ state }) => state !== 'waiting')) await new Promise(setImmediate)
      console.log(worker, (await system.stop()).state)`,
    ),
    '0 stopped',
  )
})

test('a program whose sources have ended ends', async (t) => {
  assertSaid(
    t,
    await runFile(
      t,
      `const { sourceModule } = await import(library)
      const source = new URL('data:text/javascript,' + encodeURIComponent(
        'setInterval(() => {}, 1000); export default function* () { for (let n = 0; n < 5000; n++) yield n }'))
      const system = new ProducerConsumerSystem({ producers: 2, source: sourceModule(source), handler: noop() })
      process.on('exit', () => console.log(system.stats().processed))
      await system.start()`,
    ),
    '10000',
  )
})

test('what a source has given leaves before it blocks its thread', async (t) => {
  const library = JSON.stringify(new URL('../src/index.js', import.meta.url).href)
  const source = `import { Channel } from ${library}
    let channel
    export const init = (token) => { channel = Channel.attach(token) }
    export default function* () { for (;;) yield channel.receiveSync() }`
  const channel = new Channel<number>()
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    producers: 1,
    source: sourceModule<{ default: () => Iterable<number> }>(
      new URL(`data:text/javascript,${encodeURIComponent(source)}`),
      { init: channel.token },
    ),
    handler: (item: number) => void handled.push(item),
  })
  await system.start()
  await channel.sendMany([1, 2, 3])
  await until(() => handled.length === 3)
  const report = await system.stop({ timeout: 20 })
  t.deepEqual(handled, [1, 2, 3])
  assertConservation(t, report)
})
