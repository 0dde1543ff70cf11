/** How deep a value may be. */

import test from 'ava'
import { decodeItem } from '../src/codec/decode.js'
import { encodeItem } from '../src/codec/encode.js'
import { UncloneableError } from '../src/index.js'
import { attempt, through } from './helpers/codec.js'
import { difference } from './helpers/difference.js'

/** Ways for a value to have one level more. */
const LEVELS: Record<string, (inner: unknown) => unknown> = {
  objects: (o) => ({ o }),
  arrays: (inner) => [inner],
  maps: (inner) => new Map([[1, inner]]),
  'keys of maps': (inner) => new Map([[inner, 1]]),
  sets: (inner) => new Set([inner]),
  'causes of errors': (cause) => new Error('outer', { cause }),
  'sparse arrays': (inner) => Object.assign([], { 1: inner }),
}

for (const [name, level] of Object.entries(LEVELS)) {
  test(`what can be sent can be read, however deep: ${name}`, (t) => {
    const outcomes = new Set<string>()
    for (let depth = 700; depth <= 4000; depth += 50) {
      let value: unknown = new Date(5)
      for (let n = 0; n < depth; n++) value = level(value)
      let encoded: ReturnType<typeof encodeItem>
      try {
        encoded = encodeItem(value, 'item')
      } catch (error) {
        t.true(error instanceof UncloneableError, `${depth}: ${error}`)
        outcomes.add('refused')
        continue
      }
      const { kind, bytes, length } = encoded
      t.notThrows(() => decodeItem(kind, Buffer.from(new Uint8Array(bytes)), 0, length), `${depth}`)
      outcomes.add('arrived')
    }
    t.deepEqual([...outcomes], ['arrived', 'refused'])
  })
}

test('what has many objects beside each other is not deep', (t) => {
  const many = Array.from({ length: 5000 }, (_, n) => new Map([[n, { n }]]))
  t.deepEqual(through(many), many)
})

test('what is too deep is refused or arrives, as structured clone has it', (t) => {
  for (const depth of [60, 64, 65, 70, 500, 10_000, 100_000]) {
    for (const nest of [
      (inner: unknown) => [inner],
      (inner: unknown) => ({ inner }),
      (inner: unknown) => new Map([[1, inner]]),
    ]) {
      let value: unknown = 'core'
      for (let level = 0; level < depth; level++) value = nest(value)
      const copy = attempt(() => structuredClone(value))
      const received = attempt(() => through(value))
      if (copy.ok && received.ok) t.is(difference(received.value, copy.value), undefined)
      else t.true(copy.ok === received.ok || received.error instanceof UncloneableError)
    }
  }
  t.deepEqual(through({ fine: 'after that' }), { fine: 'after that' })
})
