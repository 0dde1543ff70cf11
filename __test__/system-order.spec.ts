/** Priorities, keys and rates of a system's own channel. */

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import {
  type DeadLetter,
  files,
  handlerModule,
  InvalidOptionError,
  lines,
  noop,
  ProducerConsumerSystem,
  sequence,
  sleep,
} from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, until } from './helpers/gate.js'
import { Random } from './helpers/random.js'
import { temporaryFolder } from './helpers/temporary-folder.js'
import type * as Keyed from './modules/keyed.js'
import { KEYS, NOTES, ORDER } from './modules/keyed.js'

const NEVER = 2 ** 31 - 1
const range = (length: number): number[] => Array.from({ length }, (_, index) => index)
const KEYED = new URL('./modules/keyed.js', import.meta.url)

test('a handler gets the highest priority first, also of sends that wait', async (t) => {
  const seen: number[] = []
  const gate = new Gate()
  const system = new ProducerConsumerSystem({
    capacity: 3,
    consumers: 1,
    priorities: 3,
    aging: NEVER,
    handler: async (item: number) => {
      seen.push(item)
      if (seen.length === 1) await gate.opened
    },
  })
  await system.start()
  await system.send(0)
  await until(() => seen.length === 1)
  const sends = [1, 2, 3, 4].map((item) => system.send(item))
  sends.push(system.send(10, { priority: 2 }), system.sendMany([11, 12], { priority: 2 }))
  sends.push(system.send(20, { priority: 1 }))
  t.false(system.trySend(30, { priority: 2 }))
  const run = system.run(13, { priority: 2 })
  gate.open()
  await Promise.all([...sends, run])
  const stats = await system.stop()
  t.deepEqual(seen, [0, 10, 11, 12, 13, 20, 1, 2, 3, 4])
  assertConservation(t, stats)
})

test('a function takes nothing ahead where there are priorities', async (t) => {
  const seen: number[] = []
  const gate = new Gate()
  const system = new ProducerConsumerSystem({
    consumers: 2,
    priorities: 2,
    aging: NEVER,
    handler: async (item: number) => {
      seen.push(item)
      if (item < 2) await gate.opened
    },
  })
  await system.sendMany(range(50))
  await system.start()
  await until(() => seen.length === 2)
  await system.send(100, { priority: 1 })
  gate.open()
  await system.stop()
  t.deepEqual(seen, [0, 1, 100, ...range(50).slice(2)])
})

test('a worker takes nothing ahead where there are priorities', async (t) => {
  const cells = new Cells(NOTES + 60)
  const system = new ProducerConsumerSystem<number, void>({
    consumers: 1,
    priorities: 2,
    aging: NEVER,
    handler: handlerModule<typeof Keyed, 'note'>(KEYED, { export: 'note', init: cells.memory }),
  })
  await system.sendMany(range(50))
  await system.start()
  await until(() => cells.get(0) === 1)
  await system.send(100, { priority: 1 })
  cells.count(1)
  await system.stop()
  const seen = range(51).map((place) => cells.get(NOTES + place))
  t.deepEqual(seen, [0, 100, ...range(50).slice(1)])
})

test('workers handle a key one at a time and in order, whatever fails', async (t) => {
  const random = new Random(t)
  const memory = new SharedArrayBuffer(4 * ORDER)
  const system = new ProducerConsumerSystem<[number, number], void>({
    consumers: 3,
    capacity: 60,
    handler: handlerModule<typeof Keyed>(KEYED, { init: memory }),
    key: ([key]) => `key ${key}`,
  })
  const wrong: unknown[] = []
  system.on('deadLetter', ({ error }) => {
    if ((error as Error).message !== 'on purpose') wrong.push(error)
  })
  await system.start()
  const next = new Array(KEYS).fill(0)
  let purpose = 0
  for (let sent = 0; sent < 4000; ) {
    const items = Array.from({ length: 1 + random.below(20) }, (): [number, number] => {
      const key = random.below(KEYS)
      if (next[key] % 50 === 49) purpose++
      return [key, next[key]++]
    })
    sent += items.length
    if (items.length === 1) await system.send(items[0] as [number, number])
    else await system.sendMany(items)
  }
  const stats = await system.stop()
  t.deepEqual(wrong, [])
  t.is(stats.deadLettered, purpose)
  t.deepEqual([...new Int32Array(memory)].slice(KEYS), next)
  assertConservation(t, stats)
})

test('native consumers handle a key one at a time', async (t) => {
  const system = new ProducerConsumerSystem({
    consumers: 4,
    handler: sleep(5),
    key: (item: number) => `${item % 2}`,
  })
  await system.sendMany(Array.from({ length: 20 }, (_, item) => item))
  const begin = performance.now()
  await system.start()
  await system.idle()
  const elapsed = performance.now() - begin
  // Two keys, ten items of each.
  t.true(elapsed >= 50, `${elapsed} ms`)
  assertConservation(t, await system.stop())
})

test('a key that throws fails its send, and an item of a source alone', async (t) => {
  const seen: number[] = []
  const letters: DeadLetter<number>[] = []
  const system = new ProducerConsumerSystem({
    source: [1, 2, 3, 4, 5],
    handler: (item: number) => {
      seen.push(item)
    },
    key: (item: number) => {
      if (item === 2) throw new RangeError('no key for 2')
      if (item === 4) return 4 as unknown as string
      return item === 5 ? undefined : 'one'
    },
  })
  system.on('deadLetter', (letter) => letters.push(letter))
  await t.throwsAsync(system.send(2), { instanceOf: RangeError, message: 'no key for 2' })
  await t.throwsAsync(system.sendMany([1, 2]), { instanceOf: RangeError })
  await t.throwsAsync(system.run(2), { instanceOf: RangeError })
  t.throws(() => system.trySend(4), { instanceOf: InvalidOptionError })
  await system.send(6, { key: 'own' })
  await system.start()
  const stats = await system.finished
  t.deepEqual(seen.sort(), [1, 3, 5, 6])
  t.deepEqual(
    letters.map(({ item, attempts, reason }) => [item, attempts, reason]),
    [
      [2, 1, 'failed'],
      [4, 1, 'failed'],
    ],
  )
  t.deepEqual([stats.produced, stats.processed, stats.deadLettered], [6, 4, 2])
  assertConservation(t, stats)
})

test('lines are handled in the order of their column, and files one at a time in a directory', async (t) => {
  const folder = await temporaryFolder(t)
  const random = new Random(t)
  const rows = range(3000).map((n) => `${n}\t${random.below(20) === 0 ? '' : `key ${random.below(40)}`}`)
  const csv = join(folder, 'rows.tsv')
  await writeFile(csv, [...rows, 'none'].map((row) => `${row}\n`).join(''))
  const inHand = new Set<string>()
  const order = new Map<string, number[]>()
  const byColumn = new ProducerConsumerSystem({
    producers: 1,
    consumers: 8,
    source: lines(csv, { key: { column: 1, delimiter: '\t' } }),
    handler: async (line) => {
      const [n, key] = line.split('\t') as [string, string | undefined]
      if (key === undefined) return
      t.false(inHand.has(key))
      inHand.add(key)
      order.set(key, [...(order.get(key) ?? []), Number(n)])
      if (random.below(4) === 0) await new Promise(setImmediate)
      inHand.delete(key)
    },
  })
  await byColumn.start()
  t.is((await byColumn.finished).processed, rows.length + 1)
  t.is(order.size, 41)
  for (const numbers of order.values())
    t.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )

  const directories = range(5).map((n) => join(folder, `directory ${n}`))
  for (const directory of directories) {
    await mkdir(directory)
    for (const n of range(20)) await writeFile(join(directory, `${n}.txt`), '')
  }
  let most = 0
  const system = new ProducerConsumerSystem({
    consumers: 8,
    source: files(folder, { glob: '*.txt', key: 'directory' }),
    handler: async (path) => {
      const key = dirname(path)
      t.false(inHand.has(key))
      inHand.add(key)
      most = Math.max(most, inHand.size)
      await new Promise(setImmediate)
      inHand.delete(key)
    },
  })
  await system.start()
  t.is((await system.finished).processed, 100)
  t.true(most > 1, 'directories in parallel')
})

test('a rate holds for native consumers, workers and functions', async (t) => {
  const handlers = [
    noop(),
    (_: number) => {},
    handlerModule<{ default: (item: number) => void }>(new URL('./modules/plain.js', import.meta.url)),
  ]
  for (const handler of handlers) {
    const system = new ProducerConsumerSystem<number, unknown>({
      consumers: 3,
      rate: { limit: 1000, per: 1000 },
      handler: handler as (item: number) => unknown,
    })
    await system.sendMany(Array.from({ length: 210 }, (_, item) => item))
    const begin = performance.now()
    await system.start()
    await system.idle()
    const elapsed = performance.now() - begin
    const stats = await system.stop()
    t.is(stats.processed + stats.deadLettered, 210)
    // 10 at once.
    t.true(elapsed >= 195, `${elapsed} ms`)
    assertConservation(t, stats)
  }
})

test('what decides the order of a system is checked', async (t) => {
  const invalid = (option: string) => (error: unknown) =>
    error instanceof InvalidOptionError && error.option === option
  const handler = (_: number): void => {}
  const bad: [option: string, options: object][] = [
    ['priorities', { priorities: 17 }],
    ['aging', { priorities: 2, aging: 0 }],
    ['rate.limit', { rate: { limit: 0 } }],
    ['key', { key: 'id' }],
    ['key', { key: () => 'a', source: sequence({ limit: 1 }) }],
  ]
  for (const [option, options] of bad) {
    t.true(invalid(option)(t.throws(() => new ProducerConsumerSystem({ handler, ...options }))), option)
  }
  const system = new ProducerConsumerSystem({ handler, priorities: 2 })
  t.true(invalid('priority')(await t.throwsAsync(system.send(1, { priority: 2 }))))
  t.true(invalid('priority')(await t.throwsAsync(system.run(1, { priority: -1 }))))
  t.true(invalid('key')(await t.throwsAsync(system.sendMany([1], { key: 1 as unknown as string }))))
  t.throws(() => system.trySend(1, { prority: 1 } as object), { instanceOf: InvalidOptionError })
  await system.stop()
})
