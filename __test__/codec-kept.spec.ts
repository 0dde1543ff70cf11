/** What was encoded is not kept alive by what encoded it. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { encodeItem, encodeItems } from '../src/codec/encode.js'
import { turns } from './helpers/gate.js'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const ways = {
  'packed alone': (part: object) => encodeItem({ part }, 'item'),
  'serialized alone': (part: object) => encodeItem({ part, rest: new Map() }, 'item'),
  'packed with others': (part: object) => encodeItems([{ part }, { part: 1 }]),
  'packed before one that can not travel': (part: object) => encodeItems([{ part }, Symbol('no')]),
}

for (const [name, encode] of Object.entries(ways)) {
  test(`a part of an item is free once it is ${name}`, async (t) => {
    const part = encodePart(encode)
    for (let round = 0; part.deref() && round < 100; round++) {
      await turns(2)
      collect()
    }
    t.is(part.deref(), undefined)
  })
}

/** In a function of its own, whose frame holds nothing afterwards. */
function encodePart(encode: (part: object) => unknown): WeakRef<object> {
  const part = { of: 'an item' }
  try {
    encode(part)
  } catch {
    // One of the ways is to fail.
  }
  return new WeakRef(part)
}
