/** What users' code does to a system at the worst moment: listeners, reasons, signals, iterators, values. */

import test from 'ava'
import { hash, ProducerConsumerSystem, SourceError, sequence, UncloneableError } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { assertSaid, runProgram } from './helpers/program.js'

test('a listener that listens once does not make consumers wait for it for ever', async (t) => {
  const system = new ProducerConsumerSystem({ handler: hash('sha256') as never, consumers: 2 })
  let heard = 0
  system.once('deadLetter', () => heard++)
  await system.start()
  await system.sendMany(Array.from({ length: 20_000 }, (_, n) => ({ n })))
  const report = await system.stop()
  assertConservation(t, report)
  t.is(report.deadLettered, 20_000)
  t.is(heard, 1)
})

test('a listener that throws does not keep the next from hearing', async (t) => {
  const ended = await runProgram(
    t,
    `let uncaught = 0, heard = 0
    process.on('uncaughtException', () => uncaught++)
    const system = new ProducerConsumerSystem({ handler: () => { throw new Error('each') } })
    system.on('deadLetter', () => { throw new Error('a listener') })
    system.on('deadLetter', () => heard++)
    await system.start()
    await system.sendMany([1, 2, 3])
    await system.stop()
    process.on('exit', () => console.log(heard, uncaught))`,
  )
  assertSaid(t, ended, '3 3')
})

test('an item is given up once, also where a listener aborts the system', async (t) => {
  const system = new ProducerConsumerSystem({
    consumers: 5,
    handler: (n: number) => (n === 0 ? Promise.reject(new Error('first')) : new Promise<void>(() => {})),
  })
  const letters: number[] = []
  system.on('deadLetter', ({ item }) => {
    letters.push(item)
    void system.abort(new Error('from a listener'))
  })
  await system.start()
  await system.sendMany([0, 1, 2, 3, 4])
  const report = await system.finished
  assertConservation(t, report)
  t.deepEqual([...letters].sort(), [...new Set(letters)].sort())
  t.is(letters.length, report.deadLettered)
})

const reasons: [name: string, reason: unknown][] = [
  ['an error whose message is a number', Object.assign(new Error('x'), { message: 5 })],
  ['an error without a message', Object.assign(new Error('x'), { message: undefined })],
  ['a revoked proxy', revoked()],
  ['a symbol', Symbol('s')],
  [
    'an error whose message throws',
    Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('no')
      },
    }),
  ],
]

for (const [name, reason] of reasons) {
  test(`${name} is a reason to abort like any other`, async (t) => {
    const system = new ProducerConsumerSystem({ handler: (_: number) => {} })
    await system.start()
    const report = await system.abort(reason)
    assertConservation(t, report)
    t.is(report.state, 'aborted')
  })

  test(`${name}, thrown by a source, ends production like any other`, async (t) => {
    const system = new ProducerConsumerSystem({
      source: () =>
        (function* () {
          yield 1
          throw reason
        })(),
      handler: (_: number) => {},
    })
    await system.start()
    const error = await t.throwsAsync(system.finished, { instanceOf: SourceError })
    t.is(error?.report.processed, 1)
  })
}

test('a signal without removeEventListener is refused', (t) => {
  const signal = { aborted: false, addEventListener() {} } as unknown as AbortSignal
  t.throws(() => new ProducerConsumerSystem({ handler: (_: number) => {}, signal }), {
    code: 'ERR_MILLRACE_INVALID_OPTION',
    message: /^signal: expected an AbortSignal/,
  })
})

test('ten thousand sends share a signal without a warning, and its abort takes all of them out', async (t) => {
  const warnings: string[] = []
  const onWarning = (warning: Error) => warnings.push(warning.name)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  const system = new ProducerConsumerSystem({ capacity: 5, handler: (_: number) => {} })
  const controller = new AbortController()
  const sends = Array.from({ length: 10_000 }, (_, n) => system.send(n, { signal: controller.signal }))
  const outcomes = Promise.allSettled(sends)
  controller.abort(new Error('enough'))
  const rejected = (await outcomes).filter(({ status }) => status === 'rejected')
  t.is(rejected.length, 9_995)
  t.is(system.stats().queued, 5)
  await system.start()
  const report = await system.stop()
  assertConservation(t, report)
  t.is(report.processed, 5)
  t.deepEqual(
    warnings.filter((name) => name === 'MaxListenersExceededWarning'),
    [],
  )
})

test('a generator that stops its own system is closed, and its item in hand is handled', async (t) => {
  let closed = false
  const seen: number[] = []
  const system: ProducerConsumerSystem<number, void> = new ProducerConsumerSystem({
    source: () =>
      (function* () {
        try {
          yield 1
          void system.stop()
          yield 2
          yield 3
        } finally {
          closed = true
        }
      })(),
    handler: (n: number) => void seen.push(n),
  })
  await system.start()
  const report = await system.finished
  assertConservation(t, report)
  t.deepEqual(seen, [1, 2])
  t.true(closed)
})

for (const returned of ['abc', undefined, Promise.resolve([1]), 5]) {
  test(`a source function that returns ${typeof returned} ${String(returned)} says what was expected`, async (t) => {
    const system = new ProducerConsumerSystem({
      source: (() => returned) as never,
      handler: (_: number) => {},
    })
    await system.start()
    const error = await t.throwsAsync(system.finished, { instanceOf: SourceError })
    t.regex(String(error?.cause), /source: expected the function to return an iterable/)
  })
}

test('a source function that returns a native source is told to give it directly', async (t) => {
  const system = new ProducerConsumerSystem({
    source: (() => sequence({ limit: 1 })) as never,
    handler: (_: number) => {},
  })
  await system.start()
  const error = await t.throwsAsync(system.finished, { instanceOf: SourceError })
  t.regex(String(error?.cause), /; give the source itself, not a function that returns it$/)
})

test('what is too deep, revoked or detached is refused in no time, and nothing of the call is sent', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (_: unknown) => {} })
  let deep: unknown = {}
  for (let depth = 0; depth < 100_000; depth++) deep = { deep }
  const buffer = new Uint8Array(8)
  structuredClone(buffer, { transfer: [buffer.buffer] })
  for (const value of [deep, revoked(), buffer]) {
    await t.throwsAsync(system.send(value), { instanceOf: UncloneableError })
    await t.throwsAsync(system.sendMany([1, value]), { instanceOf: UncloneableError })
    t.throws(() => system.trySend(value), { instanceOf: UncloneableError })
  }
  t.is(system.stats().produced, 0)
  await system.stop()
})

test('an item of more than 1 GiB is refused, and never cut', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (_: Uint8Array) => {} })
  const expected = { code: 'ERR_MILLRACE_INVALID_OPTION', message: /at most 1073741824 bytes/ }
  const bytes = new Uint8Array(2 ** 30 + 1)
  t.throws(() => system.trySend(bytes), expected)
  await t.throwsAsync(system.send(bytes), expected)
  await t.throwsAsync(system.sendMany([new Uint8Array(1), bytes]), expected)
  t.is(system.stats().produced, 0)
  await system.stop()
})

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
