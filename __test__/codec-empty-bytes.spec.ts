import { Serializer } from 'node:v8'
import test from 'ava'
import { decodeItems } from '../src/codec/decode.js'
import { contentOf, encodeItem, encodeItems } from '../src/codec/encode.js'
import { Kind } from '../src/codec/kind.js'
import { UncloneableError } from '../src/index.js'

/** How often V8 serializes something while `act` runs. */
function serializations(act: () => void): number {
  const { writeValue } = Serializer.prototype
  let count = 0
  Serializer.prototype.writeValue = function (value) {
    count++
    return writeValue.call(this, value)
  }
  try {
    act()
  } finally {
    Serializer.prototype.writeValue = writeValue
  }
  return count
}

test('empty bytes are encoded without the serializer, which takes a hundred times as long', (t) => {
  const values = Array.from({ length: 10 }, () => new Uint8Array())
  const calls = serializations(() => {
    const { kinds, ends, bytes, length } = encodeItems(values) as Exclude<
      ReturnType<typeof encodeItems>,
      Float64Array
    >
    t.deepEqual([...kinds], [Kind.Bytes])
    const decoded = decodeItems({
      kinds: new Uint8Array(10).fill(Kind.Bytes),
      ends,
      bytes: bytes.slice(0, length),
    })
    t.deepEqual(decoded, values)
    t.is(contentOf(encodeItem(values[0], 'item')).length, 0)
  })
  t.is(calls, 0)
})

test('bytes that are empty because their buffer was transferred are refused', (t) => {
  const transferred = Uint8Array.of(1, 2)
  structuredClone(transferred, { transfer: [transferred.buffer] })
  t.throws(() => encodeItem(transferred, 'item'), { instanceOf: UncloneableError })
  t.throws(() => encodeItems([Uint8Array.of(1), transferred]), { instanceOf: UncloneableError })
})
