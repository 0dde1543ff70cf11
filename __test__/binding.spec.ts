import test from 'ava'
import { expectTypeOf } from 'expect-type'
// What napi generates from native/binding/src with each build.
import type * as generated from '../build/binding.js'
import type { Binding } from '../src/binding.js'
import { Header, Layout } from '../src/chunk.js'
import { Kind } from '../src/codec/kind.js'
import { LARGE_BYTES } from '../src/codec/large.js'
import { OutboxLayout } from '../src/modules/outbox.js'
import { binding } from '../src/native.js'
import { runProgram } from './helpers/program.js'

test('the contract is what the native side keeps', (t) => {
  expectTypeOf<typeof generated>().toExtend<Binding>()
  expectTypeOf<keyof typeof generated>().toEqualTypeOf<keyof Binding>()
  t.true(Object.values(binding).every((member) => typeof member === 'function'))
})

test('both sides have the same layout of a chunk', (t) => {
  t.deepEqual(binding.chunkLayout(), { ...Layout, ...Header })
})

test('both sides have the same kinds of items', (t) => {
  t.deepEqual(binding.itemKinds(), { ...Kind })
})

test('both sides give items memory of their own from the same size on', (t) => {
  t.is(binding.largeItemBytes(), LARGE_BYTES)
})

test('both sides have the same layout of an outbox', (t) => {
  t.deepEqual(binding.outboxLayout(), { ...OutboxLayout })
})

test('a handle that stands for nothing is an error, and a send to it is refused', (t) => {
  t.throws(() => binding.systemStats(0), { code: 'ERR_MILLRACE_UNKNOWN_HANDLE' })
  t.throws(() => binding.takeEvents(0, new Float64Array(4)), { code: 'ERR_MILLRACE_UNKNOWN_HANDLE' })
  t.is(binding.sendNumber(0, 1, 0, true), -2)
})

test('columns that make no batch are refused', (t) => {
  const system = makeSystem()
  for (const [kind, bytes] of [
    [99, 1],
    [Kind.Number, 7],
    [Kind.Text16, 1],
  ] as const) {
    t.throws(() => binding.sendItem(system, kind, new Uint8Array(bytes), bytes, 0, false), {
      code: 'ERR_MILLRACE_INVALID_BATCH',
    })
  }
  t.is(binding.systemStats(system).produced, 0)
  binding.dropSystem(system)
})

test('a panic in the binding becomes an error', async (t) => {
  // In a process of its own, because a panic tells of itself on stderr.
  const { code, stdout, stderr } = await runProgram(
    t,
    `const { binding } = await import(new URL('native.js', library))
    const environment = binding.openEnvironment(() => {}, false)
    const system = binding.createSystem(environment, {
      producers: 1, consumers: 1, capacity: 1, overflow: 0, order: { priorities: 0 }, source: { kind: 'none' }, handler: { kind: 'external' }, leased: false,
       retry: { attempts: 1, deaths: 2, delay: 0, exponential: false, max: 0, jitter: 0 },
    })
    // A chunk that is too small is a bug of the caller's.
    try { binding.attachItems(system, new Uint8Array(8)) } catch (error) { console.log(error.message) }
    console.log(binding.systemStats(system).state)`,
  )
  t.is(code, 0)
  t.regex(stdout, /expected a chunk of \d+ bytes, got 8\nready\n$/)
  t.regex(stderr, /panicked/)
})

function makeSystem(): number {
  return binding.createSystem(
    binding.openEnvironment(() => {}, false),
    {
      producers: 1,
      consumers: 1,
      capacity: 1,
      overflow: 0,
      order: { priorities: 0 },
      source: { kind: 'none' },
      handler: { kind: 'external' },
      retry: { attempts: 1, deaths: 2, delay: 0, exponential: false, max: 0, jitter: 0 },
      leased: false,
    },
  )
}
