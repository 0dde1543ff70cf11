/** The binding called as its own TypeScript never does: what no type lets through is an error, and never a crash. */

import test from 'ava'
import { binding } from '../src/native.js'
import { runProgram } from './helpers/program.js'
import { Random } from './helpers/random.js'

test('no handle of one kind stands for anything of another', (t) => {
  const environment = binding.openEnvironment(() => {}, false)
  const order = { priorities: 0 } as Parameters<typeof binding.createChannel>[4]
  const { handle, channel } = binding.createChannel(environment, '0'.repeat(32), 10, 10, order, 0)
  const unknown = {
    code: 'ERR_MILLRACE_UNKNOWN_HANDLE',
    message: /^expected the handle of a live \w+, got \d+$/,
  }
  for (const wrong of [environment, channel, handle + 1, 2 ** 32 - 1]) {
    t.throws(() => binding.sendChannelNumbers(wrong, new Float64Array(1), 0), unknown)
    t.throws(() => binding.takeChannelItems(wrong, 1, false), unknown)
    t.throws(() => binding.channelToken(wrong), unknown)
    t.throws(() => binding.systemStats(wrong), unknown)
    t.throws(() => binding.needsWorker(wrong, 0), unknown)
  }
  t.throws(
    () =>
      binding.beginSelect(
        handle,
        Uint32Array.of(handle),
        Uint8Array.of(255),
        Uint32Array.of(0),
        new Uint8Array(),
        false,
        new Float64Array(2),
      ),
    unknown,
  )
  t.is(binding.attachChannel(environment, handle, '0'.repeat(32)), null)
  binding.detachChannel(handle)
  t.throws(() => binding.channelLength(handle), unknown)
})

test('columns that don’t fit each other are refused, and nothing is sent', (t) => {
  const environment = binding.openEnvironment(() => {}, false)
  const order = { priorities: 0 } as Parameters<typeof binding.createChannel>[4]
  const { handle } = binding.createChannel(environment, '1'.repeat(32), 10, 10, order, 0)
  const [LATIN1, BYTES] = [binding.itemKinds().Latin1 as number, binding.itemKinds().Bytes as number]
  const send =
    (kinds: number[], ends: number[], bytes: number, length = bytes) =>
    () =>
      binding.sendChannelBlobs(
        handle,
        Uint8Array.from(kinds),
        Uint32Array.from(ends),
        new Uint8Array(bytes),
        length,
        0,
      )
  const refused = { code: 'ERR_MILLRACE_INVALID_BATCH', message: /expected .*, got / }
  for (const kind of [LATIN1, BYTES]) {
    t.throws(send([kind], [5, 3], 5), refused)
    t.throws(send([kind], [3, 5], 3), refused)
    t.throws(send([kind], [3], 5), refused)
    t.throws(send([kind], [2 ** 32 - 1], 5), refused)
    t.throws(send([kind, kind, kind], [1, 2], 2), refused)
    t.throws(send([kind, 77], [1, 2], 2), refused)
    t.throws(send([], [1], 1), refused)
    t.throws(send([kind], [20_000, 10_000], 20_000), refused)
    t.throws(send([kind], [20_000, 40_000], 39_999), refused)
  }
  t.is(binding.channelLength(handle), 0)
  binding.detachChannel(handle)
})

test('whatever the arguments are, a call is an error or has no effect on others', async (t) => {
  const seed = new Random(t).below(2 ** 31)
  const ended = await runProgram(
    t,
    `const { binding } = await import(new URL('native.js', library))
    const { Channel } = await import(library)
    let state = ${seed} >>> 0
    const random = (below) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const watched = new Channel()
    await watched.sendMany(['kept', 'too'])
    const environment = binding.openEnvironment(() => {}, false)
    const order = { priorities: 0 }
    const { handle, channel } = binding.createChannel(environment, '0'.repeat(32), 10, 10, order, 0)
    const detached = new Uint8Array(8)
    structuredClone(detached, { transfer: [detached.buffer] })
    // What the library itself has are small numbers: those are no first arguments.
    const small = [1, 2, 7.5]
    const values = () => [
      0, -1, 2 ** 32 - 1, 2 ** 32, NaN, Infinity, environment, handle, channel, handle, channel, environment,
      '', 'text', '\\ud800', 'x'.repeat(1000), true, false, null, undefined, 5n, Symbol('s'), {}, [], [null], () => {}, order,
      new Uint8Array(), new Uint8Array(8), new Uint8Array(100_000), detached, new Uint8Array(new SharedArrayBuffer(16)),
      new Uint32Array(2), new Uint32Array(), new Float64Array(1), new Float64Array(16), [new Uint8Array(20_000)], new DataView(new ArrayBuffer(8)),
      { kind: 'none' }, { kind: 'files', root: new Uint8Array(), globs: [] }, { code: 5, message: {} },
      Object.defineProperty({}, 'id', { enumerable: true, get() { throw new Error('read') } }),
    ]
    const names = Object.keys(binding)
    let calls = 0, errors = 0
    for (; calls < 20_000; calls++) {
      const name = names[calls % names.length]
      const pool = values()
      const args = Array.from({ length: random(11) }, (_, place) => {
        if (place === 1) pool.push(...small)
        return pool[random(pool.length)]
      })
      try { binding[name](...args) } catch (error) {
        if (!(error instanceof Error)) console.log(name, 'threw', error)
        errors++
      }
    }
    console.log(calls, errors > calls / 2, watched.length, await watched.receive(), await watched.receive())
    process.exit(0)`,
  )
  // Panics that become errors tell of themselves on stderr.
  t.deepEqual([ended.code, ended.signal, ended.stdout], [0, null, '20000 true 2 kept too\n'])
})
