/** Items, results and headers that are after something else than to be handled, and modules that are. */

// biome-ignore-all lint/suspicious/noThenProperty: that is what is tested

import { constants } from 'node:buffer'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { Channel, handlerModule, ProducerConsumerSystem } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { difference } from './helpers/difference.js'
import { assertSaid, runProgram } from './helpers/program.js'
import type * as Hostile from './modules/hostile.js'

const LONG = process.env.MILLRACE_LONG === '1'

/** Each has an own key that some object inherits, or that some code looks for. */
const POLLUTING: unknown[] = [
  JSON.parse('{ "__proto__": { "polluted": 1 }, "a": 1 }'),
  JSON.parse('{ "constructor": { "prototype": { "polluted": 1 } } }'),
  JSON.parse(
    '[{ "__proto__": [{ "__proto__": null }] }, { "prototype": 1, "toString": 2, "valueOf": 3, "toJSON": 4 }]',
  ),
  { then: 1, next: 2, done: 3, value: 4 },
  { hasOwnProperty: 1, length: 2 ** 53, 0: 'zero', [-1]: 'minus', '': 'empty' },
  new Map<unknown, unknown>([
    ['__proto__', 1],
    [{ then: 1 }, new Set(['constructor'])],
  ]),
  Object.assign(new Error('polluting'), JSON.parse('{ "__proto__": { "polluted": 1 } }')),
]

test('no item, result, header or report of a system reaches a prototype', async (t) => {
  const received: unknown[] = []
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => item, results: true })
  const results = system.results()
  await system.start()
  await system.sendMany(POLLUTING)
  for (const item of POLLUTING) received.push(await system.run(item))
  const report = await system.stop()
  assertConservation(t, report)
  for await (const result of results) received.push(result)
  t.is(
    difference(
      received,
      [...POLLUTING, ...POLLUTING].map((item) => structuredClone(item)),
    ),
    undefined,
  )

  const channel = new Channel()
  const headers = JSON.parse('{ "__proto__": "p", "constructor": "c", "toString": "t" }')
  await channel.send(POLLUTING[0], { headers, id: '__proto__', key: 'constructor' })
  const lease = await channel.lease()
  t.deepEqual(Object.entries(lease.headers), Object.entries(headers))
  t.is(Object.getPrototypeOf(lease.headers), Object.prototype)
  t.is(lease.id, '__proto__')
  lease.settle()
  t.false('polluted' in {})
})

const THENABLES: Record<string, [result: () => unknown, processed: boolean]> = {
  'is never done': [() => ({ then() {} }), false],
  'throws when it is looked at': [
    () => ({
      get then() {
        throw new Error('then')
      },
    }),
    false,
  ],
  'throws when it is called': [
    () => ({
      then: () => {
        throw new Error('then')
      },
    }),
    false,
  ],
  'is done twice, and throws': [
    () => ({
      then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
        resolve(1)
        resolve(2)
        reject(new Error('three'))
        throw new Error('four')
      },
    }),
    true,
  ],
  'gives another': [
    () => ({
      then: (resolve: (value: unknown) => void) =>
        resolve({ then: (again: (value: unknown) => void) => again(1) }),
    }),
    true,
  ],
}

for (const [what, [result, processed]] of Object.entries(THENABLES)) {
  test(`a result that can be waited for and ${what} is settled once`, async (t) => {
    const system = new ProducerConsumerSystem({ handler: (_: number) => result() })
    await system.start()
    await system.send(1)
    const report = await system.stop({ timeout: 200 })
    assertConservation(t, report)
    t.deepEqual([report.processed, report.deadLettered], processed ? [1, 0] : [0, 1])
  })
}

const MODULE = new URL('./modules/hostile.js', import.meta.url)

for (const name of ['settersEverywhere', 'frozen', 'replaced', 'thenables'] as const) {
  test(`a module's ${name} harms its own thread alone, and no item is lost`, async (t) => {
    const system = new ProducerConsumerSystem<number, unknown>({
      consumers: 2,
      handler: handlerModule<typeof Hostile, typeof name>(MODULE, { export: name }),
      retry: { attempts: 2, deaths: 1 },
    })
    await system.start()
    await system.sendMany(Array.from({ length: 100 }, (_, n) => n))
    const report = await system.stop({ timeout: 5000 })
    assertConservation(t, report)
    t.is(report.produced, 100)
    t.log(`${report.processed} processed, ${report.deadLettered} dead letters`)
    // The next one has nothing of it.
    const after = new ProducerConsumerSystem({ handler: (item: object) => item })
    await after.start()
    t.deepEqual(await after.run({ a: [1] }), { a: [1] })
    await after.stop()
  })
}

test('bytes that another thread writes while they are sent arrive in one piece, of old and new', async (t) => {
  const [small, large] = [new SharedArrayBuffer(1000), new SharedArrayBuffer(200_000)].map(
    (buffer) => new Uint8Array(buffer),
  ) as [Uint8Array, Uint8Array]
  const gate = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(
    `const { small, large, gate } = require('node:worker_threads').workerData
    for (let n = 0; Atomics.load(gate, 0) === 0; n ^= 1) {
      small.fill(n); large.fill(n)
      Atomics.add(gate, 1, 1)
    }`,
    { eval: true, workerData: { small, large, gate } },
  )
  const exited = once(worker, 'exit')
  const channel = new Channel<unknown>()
  const check = (bytes: unknown, length: number) => {
    if (
      !(bytes instanceof Uint8Array) ||
      bytes.length !== length ||
      bytes.buffer instanceof SharedArrayBuffer
    )
      t.fail()
    else if (bytes.some((byte) => byte > 1)) t.fail()
  }
  for (let round = 0; round < 30 || Atomics.load(gate, 1) < 30; round++) {
    await channel.sendMany([small, large])
    await channel.send(small)
    await channel.send([small])
    await channel.sendMany([large, large])
    for (const length of [1000, 200_000, 1000, 1000, 200_000, 200_000])
      check([await channel.receive()].flat()[0], length)
  }
  Atomics.store(gate, 0, 1)
  await exited
  t.pass()
})

test('an object of 100,000 keys and texts of a megabyte beside an item arrive', async (t) => {
  const channel = new Channel<unknown>()
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`key ${n}`, n]))
  const long = 'ü'.repeat(2 ** 20)
  await channel.send(wide, { id: long, key: long, headers: { [long]: long } })
  const lease = await channel.lease()
  t.is(difference(lease.item, wide), undefined)
  t.true(lease.id === long && lease.headers[long] === long)
  lease.settle()
})

test('items of no bytes are items', async (t) => {
  const empty = [
    '',
    new Uint8Array(),
    [],
    {},
    undefined,
    null,
    new ArrayBuffer(0),
    new Map(),
    '',
    new Uint8Array(),
  ]
  const channel = new Channel<unknown>({ capacity: empty.length })
  await channel.sendMany(empty)
  t.false(channel.trySend(''))
  t.is(channel.length, empty.length)
  const received: unknown[] = []
  while (received.length < empty.length) received.push(...(await channel.receiveMany(3)))
  t.is(difference(received, empty), undefined)
})

const SIZE = LONG ? 2 ** 30 : 2 ** 26
const UNITS = LONG ? constants.MAX_STRING_LENGTH : 2 ** 26

// In a program of its own, for the memory.
test(`an item of ${SIZE / 2 ** 20} MiB and a text of ${UNITS} units arrive whole`, async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel } = await import(library)
    const channel = new Channel()
    const words = new Uint32Array(${SIZE} / 4)
    for (let at = 0; at < words.length; at += 1024) words[at] = at
    for (const send of [(item) => channel.send(item), (item) => channel.sendMany([item])]) {
      await send(new Uint8Array(words.buffer))
      const { buffer, byteOffset, length } = await channel.receive()
      const received = new Uint32Array(buffer, byteOffset, length / 4)
      let same = received.length === words.length
      for (let at = 0; same && at < words.length; at += 1024) same = received[at] === at
      console.log(same)
    }
    const text = 'x'.repeat(${UNITS} - 1) + 'y'
    await channel.send(text)
    console.log(await channel.receive() === text)`,
  )
  assertSaid(t, ended, 'true\ntrue\ntrue')
})
