import test from 'ava'
import * as fc from 'fast-check'
import { decodeItems } from '../src/codec/decode.js'
import { type EncodedBlobs, encodeItems } from '../src/codec/encode.js'
import { difference } from './helpers/difference.js'

/** Makes a value anew, and tells which getters ran. */
type Make = (log: (name: string) => void) => unknown

/** One of each way that a value is packed. */
const SCALARS = [
  ...[0, 127, 128, -1, 2 ** 31, 0.5, -0, Number.NaN, 2n ** 63n - 1n],
  ...['', 'short', 'ü'.repeat(30), 'long '.repeat(20), 'x'.repeat(300), 'wide \u20ac', '\ud800'.repeat(50)],
  ...[true, false, null, undefined],
]
const PACKED: Make[] = [
  ...SCALARS.map((value) => () => value),
  () => new Date(5),
  () => Uint8Array.of(1, 2, 3),
  () => Array.from({ length: 20 }, (_, index) => index / 2),
  () => [],
  () => [{}, 1],
]
/** What the serializer has to take over for. */
const GIVEN_UP: Make[] = [
  () => new Map([[{ a: 1 }, [2]]]),
  () => /x/g,
  () => 2n ** 80n,
  () => Object.assign([1, 2], { more: 3 }),
  () => new Array(3),
  () => Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`key${index}`, index])),
  (log) => {
    const made: Record<string, unknown> = {
      get first() {
        log('first')
        delete made.second
        return [1]
      },
      second: 2,
      get third() {
        log('third')
        return made
      },
    }
    return made
  },
  () => {
    const shared = { shared: [1] }
    return { first: shared, list: [shared, shared] }
  },
]

const anyMake = fc.letrec<{ value: Make }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(...PACKED),
    { weight: 1, arbitrary: fc.constantFrom(...GIVEN_UP) },
    fc.array(tie('value'), { maxLength: 20 }).map(
      (makes): Make =>
        (log) =>
          makes.map((make) => make(log)),
    ),
    {
      weight: 4,
      arbitrary: fc.array(fc.tuple(tie('value'), fc.boolean()), { minLength: 1, maxLength: 5 }).map(
        (parts): Make =>
          (log) =>
            record(parts, log),
      ),
    },
  ),
})).value

function record(parts: readonly (readonly [Make, boolean])[], log: (name: string) => void): object {
  const made = {}
  for (const [index, [make, isGetter]] of parts.entries()) {
    const key = `part${index}`
    const get = () => {
      log(key)
      return make(log)
    }
    const property = isGetter ? { get } : { value: make(log), writable: true }
    Object.defineProperty(made, key, { ...property, enumerable: true, configurable: true })
  }
  return made
}

test('each getter of any value runs once, in the order of structured clone, whatever the serializer takes over', (t) => {
  void fc.assert(
    fc.property(fc.array(anyMake, { minLength: 1, maxLength: 4 }), (makes) => {
      const logs: [string[], string[]] = [[], []]
      const make: Make = (log) => makes.map((make) => record([[make, true]], log))
      // The value is not the first, so it does not begin where the bytes do.
      const { kinds, ends, bytes, length } = encodeItems([
        { before: 'it' },
        make((name) => logs[0].push(name)),
      ]) as EncodedBlobs
      const each = new Uint8Array(2).map((_, index) => kinds[kinds.length === 1 ? 0 : index] as number)
      const [, received] = decodeItems({ kinds: each, ends: ends.slice(), bytes: bytes.slice(0, length) })
      const expected = structuredClone(make((name) => logs[1].push(name)))
      return difference(received, expected) === undefined && `${logs[0]}` === `${logs[1]}`
    }),
    { numRuns: 3000, includeErrorInReport: true },
  )
  t.pass()
})
