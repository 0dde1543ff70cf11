import test, { type ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { Chunk, Header, Layout, MIXED } from '../src/chunk.js'
import { asBuffer, decodeItem, decodeItems } from '../src/codec/decode.js'
import { BlobWriter, type EncodedBlobs, encodeItem, encodeItems, Snapshot } from '../src/codec/encode.js'
import { Kind } from '../src/codec/kind.js'
import { difference } from './helpers/difference.js'

/** The ways through the codec. */
const WAYS: Record<string, (values: unknown[]) => unknown[]> = {
  encodeItem: (values) =>
    values.map((value) => {
      const { kind, bytes, length } = encodeItem(value, 'item')
      return decodeItem(kind, Buffer.from(new Uint8Array(bytes)), 0, length)
    }),
  encodeItems: (values) => decodeItems(columns(encodeItems(values))),
  Snapshot: (values) =>
    decodeItems(
      columns(
        encodeItems(
          values.map((value) => Snapshot.of(value, 'item')),
          true,
        ),
      ),
    ),
  BlobWriter: (values) => decodeItems(columns(written(values))),
  Chunk: (values) => {
    const received: unknown[] = []
    for (let from = 0; from < values.length; from += 500)
      received.push(...throughChunk(written(values.slice(from, from + 500))))
    return received
  },
}

function written(values: readonly unknown[]): EncodedBlobs {
  const writer = new BlobWriter()
  for (const value of values) writer.append(value, 'item')
  return writer.finish()
}

/** As a native call would return it. */
function columns(encoded: ReturnType<typeof encodeItems>) {
  if (encoded instanceof Float64Array) {
    const kinds = new Uint8Array(encoded.length).fill(Kind.Number)
    const ends = Uint32Array.from(encoded, (_, index) => 8 * (index + 1))
    return { kinds, ends, bytes: new Uint8Array(encoded.buffer) }
  }
  const { kinds, ends, bytes, length } = encoded
  return {
    kinds:
      kinds.length === ends.length ? kinds.slice() : new Uint8Array(ends.length).fill(kinds[0] as number),
    ends: ends.slice(),
    bytes: new Uint8Array(bytes.subarray(0, length)),
  }
}

const chunk = new Chunk()

/** As native/binding fills a chunk. */
function throughChunk({ kinds, ends, bytes, length }: EncodedBlobs): unknown[] {
  const count = ends.length
  if (count === 0) return []
  chunk.header[Header.Kind] = kinds.length === 1 ? (kinds[0] as number) : MIXED
  chunk.header[Header.Bytes] = length
  chunk.memory.set(kinds, Layout.kinds)
  new Uint32Array(chunk.memory.buffer, Layout.ends).set(ends)
  const own = new Uint8Array(bytes.subarray(0, length))
  if (length <= chunk.memory.length - Layout.bytes) chunk.memory.set(own, Layout.bytes)
  const items = Array.from(
    { length: count },
    (
      (decoded) => (_, index) =>
        decoded[index]
    )(chunk.decode(count, () => own)),
  )
  // The next chunk takes the same memory.
  chunk.memory.fill(0xee)
  return items
}

function check(t: ExecutionContext, through: (values: unknown[]) => unknown[], values: unknown[]): void {
  const received = through(values)
  t.is(received.length, values.length)
  for (const [index, value] of values.entries()) {
    const copy = structuredClone(value)
    t.is(difference(received[index], copy), undefined)
  }
}

function withHole(array: unknown[], index: number): unknown[] {
  delete array[index]
  return array
}

class Point {
  x = 1
  get y() {
    return 2
  }
}
class Bytes extends Uint8Array {}
class Failure extends RangeError {
  code = 'E_FAILURE'
}

const shared = { shared: true }
const date = new Date(5)
const buffer = Uint8Array.of(1, 2, 3)
const cycle: Record<string, unknown> = { name: 'cycle' }
cycle.self = cycle
const ring: unknown[] = [1]
ring.push({ ring })
const named = Object.assign([1, 2], { name: 'named' })
const symbols = { a: 1, [Symbol('hidden')]: 2 }
const hidden = Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })

const VALUES: Record<string, unknown[]> = {
  integers: [0, -0, 1, 127, 128, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53].map((n) => ({ n })),
  doubles: [0.1, Number.NaN, Infinity, -Infinity, Number.MIN_VALUE].map((n) => [n]),
  'long arrays of numbers': [
    Array.from({ length: 16 }, (_, n) => n - 8),
    Array.from({ length: 5000 }, (_, n) => n / 3),
    [...new Array(20).fill(-0), 'text', null, undefined, 5],
    { first: new Array(40).fill(1), again: [new Array(16).fill(Number.NaN), new Map()] },
  ],
  strings: ['', 'a', 'é', 'ÿ', 'Ā', '日本', '😀', '\ud800', 'a\udc00b', 'nul\0', '\n"\\'].map((text) => ({
    text,
  })),
  'strings of every length around the limits': [39, 40, 41, 62, 63, 64, 65, 20_000].flatMap((length) => [
    { text: 'x'.repeat(length) },
    { text: 'é'.repeat(length) },
    { text: `${'x'.repeat(length)}\ud800` },
    ['y'.repeat(length), 'z'],
  ]),
  'true, false, null and undefined': [[true, false, null, undefined], { a: undefined, b: null }],
  bigints: [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, -(2n ** 300n)].flatMap((n) => [n, { n }]),
  dates: [
    new Date(1.5e12),
    new Date(Number.NaN),
    { at: new Date(123) },
    Object.assign(new Date(1), { own: 1 }),
  ],
  bytes: [
    new Uint8Array(),
    Uint8Array.of(1),
    Buffer.from([1, 2]).subarray(),
    new Bytes(3),
    { inner: Uint8Array.of(9), empty: new Uint8Array() },
    [new Map([[1, Uint8Array.of(4)]])],
    new Uint8Array(70_000).fill(3),
  ],
  'other binary data': [
    new Float32Array([1, -0]),
    new BigUint64Array([2n ** 64n - 1n]),
    new DataView(new ArrayBuffer(8)),
    new ArrayBuffer(5),
    { a: new Int16Array([-1]), b: new ArrayBuffer(0) },
  ],
  collections: [
    new Map<unknown, unknown>([
      [shared, shared],
      [-0, 'zero'],
    ]),
    new Set([[], {}, Number.NaN]),
    { map: new Map([['a', { b: new Set([1]) }]]) },
  ],
  'regular expressions': [/a(b)?/giu, { re: /[/]\n/ }],
  errors: [
    new Error('plain'),
    new Failure('subclass'),
    new TypeError('with cause', { cause: { code: 1 } }),
    new AggregateError([new Error('one')], 'many'),
    { error: Object.assign(new SyntaxError('own name'), { name: 'Custom' }) },
  ],
  objects: [
    {},
    { a: {} },
    { a: { b: { c: { d: [[], [{}]] } } } },
    { b: 1, a: 2, 'with space': 3, '': 4, ü: 5, 日: 6, '"': 7 },
    { 2: 'two', 1: 'one', name: 'x' },
    { '01': 1, '-1': 2, '4294967295': 3 },
    Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`key${n}`, n])),
    Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`key${n}`, n])),
    { ['k'.repeat(254)]: 1 },
    { ['k'.repeat(255)]: 1 },
    Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`${n}`.padStart(100, 'k'), n])),
    { constructor: 1, prototype: 2, toString: 3, hasOwnProperty: 4, valueOf: 5 },
    JSON.parse('{"__proto__": {"polluted": true}, "a": 1}'),
    { inner: JSON.parse('{"__proto__": null}') },
    symbols,
    hidden,
    Object.create(null, { a: { value: 1, enumerable: true } }),
    Object.freeze({ frozen: [1] }),
    Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }),
    { toJSON: undefined, length: 1 },
  ],
  'class instances': [new Point(), { point: new Point() }, [Object.assign(new Point(), { z: [1] })]],
  arrays: [
    [],
    [[]],
    [1, 'two', { three: 3 }],
    new Array(3),
    { sparse: Object.assign(new Array(4), { 1: 'b' }) },
    withHole([undefined, 1, null], 1),
    named,
    /(?<x>b)/.exec('abc'),
    Object.assign(withHole([0, 1], 0), { name: 'as many keys as elements' }),
    Object.assign([], { 100000: 1 }),
    Array.from({ length: 1000 }, (_, n) => ({ n })),
  ],
  'boxed primitives': [Object(1), Object('text'), Object(false), { inner: Object(-0) }, Object(7n)],
  identity: [
    [shared, shared],
    { a: shared, b: { c: shared } },
    [date, date],
    { a: buffer, b: [buffer] },
    { list: ring, again: ring },
    [...new Array(30).fill(0).map((n) => ({ n })), shared, shared],
  ],
  cycles: [cycle, ring, [cycle, ring]],
  'prototypes that say nothing': [
    Object.setPrototypeOf(new Map([[1, 2]]), Object.prototype),
    Object.setPrototypeOf(new Date(3), Object.prototype),
    Object.setPrototypeOf([1, 2], Object.prototype),
    Object.setPrototypeOf({ a: 1 }, Array.prototype),
    Object.setPrototypeOf({ a: 1 }, Date.prototype),
    Object.setPrototypeOf(Uint8Array.of(1), Object.prototype),
    Object.setPrototypeOf(new Error('disguised'), Object.prototype),
  ],
}

for (const [way, through] of Object.entries(WAYS)) {
  for (const [what, values] of Object.entries(VALUES)) {
    // Often enough for the readers that are made for shapes seen often.
    test(`${what} by ${way}`, (t) => {
      for (let round = 0; round < 3; round++) check(t, through, values)
      check(t, through, new Array(100).fill(values[0]))
    })
  }

  test(`any value by ${way}`, (t) => {
    const seed = Date.now() | 0
    t.log(`seed ${seed}`)
    void fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 30 }), (values) => check(t, through, values)),
      { numRuns: 100, seed },
    )
  })
}

const anything = fc.anything({
  key: fc.oneof(fc.string(), fc.constantFrom('id', 'name', '__proto__', 'constructor', '0', '日')),
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: true,
  withUnicodeString: true,
})

const anyValue = fc.oneof(
  anything,
  fc.record({ id: fc.integer(), name: fc.string({ unit: 'binary' }), ok: fc.boolean(), score: fc.double() }),
  anything.map((part) => ({ first: part, again: [part] })),
  anything.map((part) => {
    const object: Record<string, unknown> = { part }
    object.cycle = [object]
    return object
  }),
)

test('plain values are packed, and others serialized', (t) => {
  const kindOf = (value: unknown) => encodeItem(value, 'item').kind
  for (const value of [{ id: 1, name: 'a' }, [1, 2], [{ at: new Date() }], { bytes: Uint8Array.of(1) }, 5n])
    t.is(kindOf(value), Kind.Packed)
  for (const value of [{ map: new Map() }, new Point(), cycle, [shared, shared], new Array(2), 2n ** 64n])
    t.is(kindOf(value), Kind.Value)
})

test('a string of many megabytes in an object', (t) => {
  const text = 'long text, '.repeat(2 ** 21)
  for (const through of Object.values(WAYS))
    t.is((through([{ text }])[0] as { text: string }).text === text, true)
})

test('an item is decoded from where it lies, alone and in any order', (t) => {
  const values = Array.from({ length: 200 }, (_, n) => (n % 3 ? { id: n, name: `n${n}` } : { other: [n] }))
  const { ends, bytes } = columns(encodeItems(values))
  for (let index = values.length - 1; index >= 0; index--) {
    const begin = index === 0 ? 0 : (ends[index - 1] as number)
    const alone = new Uint8Array(bytes.subarray(begin, ends[index]))
    t.deepEqual(decodeItem(Kind.Packed, asBuffer(alone), 0, alone.length), values[index])
    t.deepEqual(decodeItem(Kind.Packed, asBuffer(bytes), begin, ends[index] as number), values[index])
  }
})

test('shapes with equal hashes are told apart', (t) => {
  const values = Array.from({ length: 20_000 }, (_, n) => ({ [`key${n}`]: n, same: 1 }))
  for (let round = 0; round < 2; round++)
    t.is(difference(decodeItems(columns(encodeItems(values))), values), undefined)
})

test('a writer is used again, and is as it was after an item that failed', (t) => {
  const writer = new BlobWriter()
  for (let round = 0; round < 3; round++) {
    writer.reset()
    const values = [{ id: round }, Uint8Array.of(1, 2), new Map(), 'text', { list: new Array(500).fill('x') }]
    for (const value of values) {
      writer.append(value, 'item')
      t.throws(() => writer.append({ before: 'x'.repeat(5000), fail() {} }, 'batch', 7), {
        message: /^batch\[7\]\.fail: /,
      })
    }
    t.is(writer.count, values.length)
    t.deepEqual(decodeItems(columns(writer.finish())), structuredClone(values))
  }
})

test('a Buffer becomes a Uint8Array, wherever it is', (t) => {
  const pooled = Buffer.from('pooled')
  for (const through of Object.values(WAYS)) {
    const [top, inner, deep] = through([pooled, { pooled }, new Map([[1, pooled]])]) as [
      Uint8Array,
      { pooled: Uint8Array },
      Map<number, Uint8Array>,
    ]
    for (const bytes of [top, inner.pooled, deep.get(1)]) {
      t.is(Object.getPrototypeOf(bytes), Uint8Array.prototype)
      t.deepEqual(bytes, new TextEncoder().encode('pooled'))
    }
  }
})
