import test from 'ava'
import * as fc from 'fast-check'
import { ProducerConsumerSystem, UncloneableError } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'

type Way = (items: unknown[]) => Promise<unknown[]>

/** The ways that items take into a handler. */
const WAYS: Record<string, Way> = {
  send: (items) => receive((system) => Promise.all(items.map((item) => system.send(item)))),
  sendMany: (items) => receive((system) => system.sendMany(items)),
  run: (items) => receive((system) => Promise.all(items.map((item) => system.run(item)))),
  source: async (items) => {
    const received: unknown[] = []
    const system = new ProducerConsumerSystem({ source: items, handler: (item) => void received.push(item) })
    await system.start()
    await system.finished
    return received
  },
  // Without a start nothing is handled: the items come back in the report.
  report: async (items) => {
    const system = new ProducerConsumerSystem({ capacity: 10_000, handler: (item: unknown) => item })
    await system.sendMany(items)
    return (await system.stop()).unprocessed
  },
}

async function receive(send: (system: ProducerConsumerSystem) => Promise<unknown>): Promise<unknown[]> {
  const received: unknown[] = []
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => void received.push(item) })
  await system.start()
  await send(system)
  await system.stop()
  return received
}

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

const cyclic: { self?: unknown; list: unknown[] } = { list: [1] }
cyclic.self = cyclic
cyclic.list.push(cyclic.list)

const VALUES: Record<string, unknown[]> = {
  numbers: [
    0,
    -0,
    1,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.MIN_VALUE,
    Number.MAX_SAFE_INTEGER,
  ],
  strings: [
    '',
    'a',
    'ascii text',
    'ümläut',
    '日本語',
    '😀',
    'a\0b',
    '\ud800',
    'a\udfff',
    '\udc00\ud800',
    'x'.repeat(100_000),
  ],
  'long two-byte text': ['日'.repeat(100_000), `${'é'.repeat(70_000)}\ud800`],
  'booleans, null and undefined': [true, false, null, undefined],
  'big integers': [0n, -1n, 2n ** 64n, -(2n ** 200n)],
  bytes: [new Uint8Array(), Uint8Array.of(1, 2, 255), new Uint8Array(100_000).fill(7)],
  'other binary data': [
    new Float64Array([1.5, -0, Number.NaN]),
    new Uint16Array([1, 65_535]),
    new BigInt64Array([-1n]),
    new DataView(new ArrayBuffer(3)),
    Uint8Array.of(1, 2, 3).buffer,
  ],
  dates: [new Date(0), new Date(1e15), new Date(Number.NaN)],
  collections: [
    new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'b'])]]),
    new Set(),
    new Map([[Number.NaN, -0]]),
  ],
  'regular expressions': [/a/giu, /^$/],
  errors: [new RangeError('no'), new Error('outer', { cause: new TypeError('inner') })],
  objects: [
    {},
    [],
    { a: { b: [1, { c: null }] } },
    { '': 0, 'a b': 1, 1: 2 },
    [[[[]]]],
    Object.create(null, {}),
  ],
  'boxed primitives': [Object(5), Object('s'), Object(true), Object(5n)],
  'sparse arrays': [Object.assign(new Array(4), { 1: 'b', 3: 'd' }), new Array(5)],
  cycles: [cyclic],
}

for (const [way, through] of Object.entries(WAYS)) {
  for (const [what, values] of Object.entries(VALUES)) {
    test(`${what} travel by ${way}`, async (t) => {
      const received = await through(values)
      t.is(received.length, values.length)
      for (const [index, value] of values.entries()) t.deepEqual(received[index], structuredClone(value))
    })
  }

  test(`mixed items travel by ${way}, in order`, async (t) => {
    const values = Object.values(VALUES).flat()
    t.deepEqual(await through(values), structuredClone(values))
  })

  test(`a Buffer arrives as plain bytes by ${way}, and not as its pool`, async (t) => {
    const [bytes] = await through([Buffer.from('pooled')])
    t.is(Object.getPrototypeOf(bytes), Uint8Array.prototype)
    t.deepEqual(bytes, new TextEncoder().encode('pooled'))
  })

  test(`any value arrives equal by ${way}`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyItem, { maxLength: 300 }), async (items) => {
        const received = await through(items)
        t.deepEqual(received, structuredClone(items))
      }),
      { numRuns: 30 },
    )
  })
}

/** What structured clone can copy, of every kind; arrays of one kind take other ways than mixed ones. */
const anyItem = fc.oneof(
  fc.double(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.bigInt(),
  fc.uint8Array(),
  fc.date({ noInvalidDate: false }),
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
  }),
)

const KINDS: Record<string, fc.Arbitrary<unknown>> = {
  numbers: fc.double(),
  strings: fc.string(),
  'strings of any characters': fc.string({ unit: 'binary' }),
  bytes: fc.uint8Array(),
  objects: fc.object(),
}

for (const [kind, arbitrary] of Object.entries(KINDS)) {
  test(`many ${kind} arrive equal`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrary, { maxLength: 500 }), async (items) => {
        t.deepEqual(await receive((system) => system.sendMany(items)), structuredClone(items))
      }),
      { numRuns: 20 },
    )
  })
}

test('an item of many megabytes travels', async (t) => {
  const bytes = new Uint8Array(40 * 2 ** 20)
  for (let index = 0; index < bytes.length; index += 4096) bytes[index] = index >> 12
  const text = 'long text, '.repeat(2 ** 20)
  const received = await receive((system) => system.sendMany([bytes, text, bytes, 'short']))
  t.true(Buffer.from(bytes).equals(received[0] as Uint8Array))
  t.true(received[1] === text)
  t.true(Buffer.from(bytes).equals(received[2] as Uint8Array))
  t.is(received[3], 'short')
})

test("received bytes are the receiver's own", async (t) => {
  const received = (await receive((system) =>
    system.sendMany(Array.from({ length: 300 }, (_, index) => Uint8Array.of(index & 255, 1))),
  )) as Uint8Array[]
  // Later chunks did not overwrite what came before.
  t.true(received.every((bytes, index) => bytes.length === 2 && bytes[0] === (index & 255)))
})

class Trap {
  get value(): never {
    throw new Error('not to be read')
  }
}

const UNCLONEABLE: [unknown, string][] = [
  [() => {}, 'item'],
  [Symbol('s'), 'item'],
  [{ callbacks: [1, () => {}] }, 'item.callbacks[1]'],
  [{ 'a b': { deep: Symbol('s') } }, 'item["a b"].deep'],
  [new Map([['key', { fn() {} }]]), "item.get('key').fn"],
  [new Set([1, new WeakMap()]), 'item.values()[1]'],
  [[[Promise.resolve()]], 'item[0][0]'],
  [{ ok: 1, proxy: new Proxy({}, {}) }, 'item.proxy'],
  [Object.defineProperty({}, 'value', { enumerable: true, get: () => new Trap().value }), 'item.value'],
]

test('what cannot travel is refused, naming its place, and nothing enters', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => item })
  for (const [item, path] of UNCLONEABLE) {
    const calls = [() => system.send(item), () => system.run(item), async () => system.trySend(item)]
    for (const call of calls) {
      const error = await t.throwsAsync<UncloneableError>(call(), {
        instanceOf: UncloneableError,
        code: 'ERR_MILLRACE_UNCLONEABLE',
      })
      t.is(error?.path, path)
      t.true(error?.message.startsWith(`${path}: expected a value that structured clone can copy, got `))
      t.truthy(error?.cause)
    }
    const error = await t.throwsAsync<UncloneableError>(system.sendMany([1, item, 2]), {
      instanceOf: UncloneableError,
    })
    t.is(error?.path, path.replace('item', 'items[1]'))
  }
  t.is(system.stats().produced, 0)
  await t.notThrowsAsync(system.send(new Point(1, 2)))
  const report = await system.stop()
  t.deepEqual(report.unprocessed, [{ x: 1, y: 2 }])
  assertConservation(t, report)
})

test('encoding that runs user code which sends is in order too', async (t) => {
  const received: unknown[] = []
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => void received.push(item) })
  await system.start()
  const item = {
    get inner() {
      void system.send('from a getter, with some text')
      return 'inner'
    },
  }
  await system.sendMany(['before', item, 'after'])
  await system.stop()
  t.deepEqual(received, ['from a getter, with some text', 'before', { inner: 'inner' }, 'after'])
})
