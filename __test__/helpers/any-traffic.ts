/** Sends and receives of every sort that fast-check draws and makes smaller. */
import * as fc from 'fast-check'
import { anyText } from './any-blueprint.js'
import type { Blueprint } from './blueprint.js'
import { PRIORITIES, type Receive, type Send, type Traffic } from './traffic.js'

/** @param marked - whether items have priorities and keys, so that they come in another order, and are leased to tell which it is */
export function anyTraffic(item: fc.Arbitrary<Blueprint>, { marked = false } = {}): fc.Arbitrary<Traffic> {
  return fc.record({
    capacity: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 1000 })),
    sends: fc.array(marked ? markedSend(item) : send(item), { minLength: 1, maxLength: 12 }),
    receives: marked
      ? fc.constant([{ way: 'lease', max: 1 }])
      : fc.array(receive, { minLength: 1, maxLength: 8 }),
  })
}

function send(item: fc.Arbitrary<Blueprint>): fc.Arbitrary<Send> {
  return fc.record(
    {
      way: fc.constantFrom('send', 'trySend', 'sendMany', 'sendMany'),
      items: fc.oneof(
        fc.array(item, { minLength: 1, maxLength: 12 }),
        // Many of one sort take other ways than mixed ones.
        fc.tuple(item, fc.integer({ min: 2, max: 70 })).map(([one, times]) => new Array(times).fill(one)),
        fc.array(plain(fc.double()), { maxLength: 40 }),
        fc.array(plain(anyText), { maxLength: 40 }),
      ),
      headers: fc.dictionary(anyText, anyText, { maxKeys: 3, noNullPrototype: true }),
      named: fc.boolean(),
    },
    { requiredKeys: ['way', 'items'] },
  )
}

function markedSend(item: fc.Arbitrary<Blueprint>): fc.Arbitrary<Send> {
  return fc.record(
    {
      way: fc.constantFrom('send', 'sendMany'),
      items: fc.array(item, { minLength: 1, maxLength: 12 }),
      priority: fc.nat(PRIORITIES - 1),
      key: fc.constantFrom('a', 'b', ''),
    },
    { requiredKeys: ['way', 'items'] },
  )
}

const receive: fc.Arbitrary<Receive> = fc.record({
  way: fc.constantFrom('receive', 'receiveMany', 'receiveMany', 'tryReceive', 'lease', 'retry', 'iterate'),
  max: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 600 })),
})

function plain(value: fc.Arbitrary<number | string>): fc.Arbitrary<Blueprint> {
  return value.map((value): Blueprint => ({ is: 'plain', value }))
}
