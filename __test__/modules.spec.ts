/** Handlers that are modules, in worker threads: what comes back. */

import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type DeadLetter, handlerModule, ProducerConsumerSystem } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import type * as Plain from './modules/plain.js'

const PLAIN = new URL('./modules/plain.js', import.meta.url)
const COMMON = new URL('./modules/common.cjs', import.meta.url)

type Exports = Exclude<keyof typeof Plain, 'default'>

const plain = <E extends Exports>(name: E) => handlerModule<typeof Plain, E>(PLAIN, { export: name })

test('a module is a handler by its URL, its path and by handlerModule()', async (t) => {
  for (const handler of [PLAIN, fileURLToPath(PLAIN), handlerModule<typeof Plain>(PLAIN)]) {
    const system = new ProducerConsumerSystem<number, number>({ consumers: 2, handler })
    await system.start()
    t.is(await system.run(21), 42)
    const report = await system.stop()
    t.deepEqual([report.produced, report.processed, report.consumers.length], [1, 1, 2])
    assertConservation(t, report)
  }
})

test('a CommonJS module is a handler', async (t) => {
  for (const [handler, expected] of [
    [handlerModule(COMMON, { init: 7 }), 70],
    [handlerModule(COMMON, { export: 'triple' }), 30],
    [handlerModule(new URL('./modules/single.cjs', import.meta.url)), 11],
  ] as const) {
    const system = new ProducerConsumerSystem<unknown, unknown>({ consumers: 1, handler })
    await system.start()
    t.is(await system.run(10), expected)
    assertConservation(t, await system.stop())
  }
})

test('the code of a data: URL is a handler', async (t) => {
  const handler = handlerModule<{ default(item: number): number }>(
    new URL('data:text/javascript,export default (item) => item + 1'),
  )
  const system = new ProducerConsumerSystem({ consumers: 1, handler })
  await system.start()
  t.is(await system.run(1), 2)
  assertConservation(t, await system.stop())
})

test('one worker gives results in the order of the items', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, source: range(5000), handler: plain('later') })
  const results = system.results()
  await system.start()
  let next = 0
  for await (const result of results) t.is(result, `number ${next++}`)
  t.is(next, 5000)
  assertConservation(t, await system.finished)
})

test('several workers give each result once', async (t) => {
  const system = new ProducerConsumerSystem({
    consumers: 4,
    capacity: 100,
    source: range(20_000),
    handler: handlerModule<typeof Plain>(PLAIN),
  })
  const results = system.results()
  await system.start()
  const seen = new Set<number>()
  for await (const result of results) seen.add(result)
  t.is(seen.size, 20_000)
  t.true([...seen].every((result) => result % 2 === 0 && result < 40_000))
  const report = await system.finished
  t.is(report.processed, 20_000)
  assertConservation(t, report)
})

test('every kind of item comes to a worker and back as it was', async (t) => {
  const items = [
    ...[
      0,
      -0,
      NaN,
      Infinity,
      1.5,
      2 ** 53,
      '',
      'text',
      'zweifärbig 🎡',
      '\ud800',
      true,
      false,
      null,
      undefined,
    ],
    ...[10n ** 30n, new Date(5), /a/gi, new Map([[1, { a: 1 }]]), new Set(['a'])],
    ...[
      Uint8Array.of(1, 2, 3),
      new Uint8Array(0),
      new Uint8Array(200_000).fill(7),
      new Float64Array([1, -0]),
    ],
    ...[{ a: [1, { b: 'c' }], d: undefined }, [], [1, 2], 'x'.repeat(300_000), { text: 'y'.repeat(100_000) }],
  ]
  const system = new ProducerConsumerSystem<unknown, unknown>({
    consumers: 1,
    handler: plain('echo'),
    results: true,
  })
  await system.start()
  // Batched in one chunk, one by one, and with replies.
  await system.sendMany(items)
  for (const item of items) await system.send(item)
  const runs = items.map((item) => system.run(item))
  const results = system.results()
  for (let round = 0; round < 2; round++)
    for (const item of items) t.deepEqual((await results.next()).value, item)
  t.deepEqual(await Promise.all(runs), items)
  const report = await system.stop()
  t.is(report.processed, 3 * items.length)
  assertConservation(t, report)
})

test('results that are larger than the memory for them come in order', async (t) => {
  const lengths = [
    0,
    1,
    65_535,
    65_536,
    65_537,
    3,
    1 << 20,
    0,
    5 << 20,
    ...Array.from({ length: 600 }, () => 200),
  ]
  const system = new ProducerConsumerSystem({ consumers: 1, handler: plain('text'), results: true })
  await system.start()
  await system.sendMany(lengths)
  const runs = lengths.map((length) => system.run(length))
  const results = system.results()
  for (const length of lengths) t.is((await results.next()).value?.length, length)
  t.deepEqual(
    (await Promise.all(runs)).map((result) => result.length),
    lengths,
  )
  assertConservation(t, await system.stop())
})

test('more than a chunk of empty results comes at once', async (t) => {
  for (const consumers of [1, 3]) {
    const system = new ProducerConsumerSystem<number, undefined>({
      consumers,
      capacity: 3000,
      handler: plain('nothing') as never,
      results: true,
    })
    await system.sendMany(Array.from({ length: 1700 }, (_, index) => index))
    await system.start()
    const runs = Array.from({ length: 1300 }, (_, index) => system.run(index))
    const results = system.results()
    for (let read = 0; read < 1700; read++)
      t.deepEqual(await results.next(), { value: undefined, done: false })
    t.true((await Promise.all(runs)).every((result) => result === undefined))
    const report = await system.stop()
    t.is(report.processed, 3000)
    assertConservation(t, report)
  }
})

test('large and small results, uncloneable ones and errors do not get in each other’s way', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 2, handler: plain('mixed'), results: true })
  const letters: DeadLetter<number>[] = []
  system.on('deadLetter', (letter) => letters.push(letter))
  await system.start()
  const runs = Array.from({ length: 400 }, (_, item) => system.run(item))
  const sending = system.sendMany(Array.from({ length: 400 }, (_, item) => item))
  const outcomes = await Promise.allSettled(runs)
  for (const [item, outcome] of outcomes.entries()) {
    if (item % 4 === 0) {
      const { value } = outcome as PromiseFulfilledResult<Uint8Array>
      t.deepEqual([value.length, value[0], value.at(-1)], [70_000 + item, item % 256, item % 256])
    } else if (item % 4 === 1) {
      t.is((outcome as PromiseRejectedResult).reason.code, 'ERR_MILLRACE_UNCLONEABLE')
    } else if (item % 4 === 2) {
      const { reason } = outcome as PromiseRejectedResult
      t.deepEqual([reason instanceof RangeError, reason.message], [true, `no ${item}`])
    } else t.is((outcome as PromiseFulfilledResult<number>).value, item)
  }
  await sending
  await system.idle()
  const report = await system.stop()
  const results: unknown[] = []
  for await (const result of system.results()) results.push(result)
  t.is(results.length, 200, 'those of run() come to their callers only')
  t.is(letters.length, 400)
  t.true(
    letters.every(({ attempts, deaths, reason }) => attempts === 1 && deaths === 0 && reason === 'failed'),
  )
  t.deepEqual([report.processed, report.deadLettered, report.failedAttempts], [400, 400, 400])
  assertConservation(t, report)
})

for (const name of ['fail', 'reject'] as const) {
  test(`what a handler throws comes as it was: ${name}`, async (t) => {
    const system = new ProducerConsumerSystem({ consumers: 1, handler: plain(name) })
    await system.start()
    const thrown = (item: string): Promise<unknown> => system.run(item).catch((error: unknown) => error)

    const type = await thrown('type')
    t.true(type instanceof TypeError)
    t.deepEqual([(type as Error).message, (type as Error).name], ['a type', 'TypeError'])
    t.regex((type as Error).stack ?? '', /TypeError: a type\n.*modules\/plain/s)

    const own = (await thrown('own')) as Error & { code: string; left: number }
    t.true(own instanceof Error)
    t.deepEqual([own.name, own.message, own.code, own.left], ['QuotaError', 'too much', 'EQUOTA', 5])
    t.regex(own.stack ?? '', /modules\/plain/)
    t.true(own.cause instanceof RangeError)
    t.is((own.cause as Error).message, 'the cause')

    t.is(await thrown('text'), 'a text')
    t.is(await thrown('nothing'), undefined)
    t.deepEqual(await thrown('record'), { a: [1, new Date(5)] })
    const uncloneable = (await thrown('uncloneable')) as Error & Record<string, unknown>
    t.deepEqual(
      [uncloneable.name, uncloneable.message, uncloneable.kept],
      ['TypeError', 'with a function', 2],
    )
    t.false('callback' in uncloneable)
    t.like(await thrown('uncloneable cause'), { name: 'TypeError', message: 'with a cause' })
    t.like(await thrown('cycle'), { message: 'a cycle' })
    t.like(await thrown('cause that is itself'), { name: 'RangeError', message: 'its own cause' })
    t.is((await system.stop()).deadLettered, 9)
  })

  test(`whatever a handler throws fails its item and nothing else: ${name}`, async (t) => {
    const system = new ProducerConsumerSystem({ consumers: 1, handler: plain(name) })
    const letters: DeadLetter<string>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    const hostile = [
      ...[
        'function',
        'message that throws',
        'property that throws',
        'stack that is none',
        'name that throws',
      ],
      ...['revoked proxy', 'symbol'],
    ]
    await system.sendMany(hostile)
    const report = await system.stop()
    t.deepEqual(
      letters.map(({ item, deaths, attempts, reason }) => ({ item, deaths, attempts, reason })),
      hostile.map((item) => ({ item, deaths: 0, attempts: 1, reason: 'failed' })),
    )
    assertConservation(t, report)
  })
}

test('a result that cannot travel fails its item, naming the place', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, handler: plain('uncloneable') })
  await system.start()
  for (const [item, path] of [
    ['function', 'result'],
    ['symbol', 'result'],
    ['nested', 'result.deep[0]'],
    ['promise', 'result.pending'],
  ]) {
    const error = await t.throwsAsync(system.run(item as string), { instanceOf: Error })
    t.like(error, { name: 'UncloneableError', code: 'ERR_MILLRACE_UNCLONEABLE', path })
  }
  t.is(await system.run('fine'), 'fine')
  assertConservation(t, await system.stop())
})

test('a thenable is a promise, also one whose then throws', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, handler: plain('thenable') })
  await system.start()
  t.is(await system.run('resolved'), 'resolved')
  await t.throwsAsync(system.run('throws'), { message: 'then throws' })
  assertConservation(t, await system.stop())
})

test('where nobody asked, results are not kept and need not travel', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 2, handler: plain('uncloneable') })
  await system.start()
  for (let n = 0; n < 1000; n++) await system.send('function')
  const report = await system.stop()
  t.is(report.processed, 1000)
  assertConservation(t, report)
})

function* range(length: number): Generator<number> {
  for (let index = 0; index < length; index++) yield index
}
