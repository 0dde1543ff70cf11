/** Dead letters that are kept: looked at, sent again, thrown away; and what happens with too many. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import test from 'ava'
import {
  BatchError,
  type DeadLetterOptions,
  handlerModule,
  hash,
  InvalidOptionError,
  ProducerConsumerSystem,
  type Report,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns, until } from './helpers/gate.js'
import { runProgram } from './helpers/program.js'

const FAILING = new URL('./modules/failing.js', import.meta.url)
const range = (length: number): number[] => Array.from({ length }, (_, index) => index)
const items = (system: { deadLetters: Iterable<{ item: number }> }): number[] =>
  [...system.deadLetters].map(({ item }) => item)

const fails = (): never => {
  throw new Error('it had to')
}

test('letters are kept in order, can be looked at, and thrown away', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (_n: number) => fails() })
  await system.start()
  await system.sendMany(range(10))
  await system.idle()
  t.deepEqual(items(system), range(10))
  t.is(system.deadLetters.size, 10)
  t.is(
    system.deadLetters.discard(({ item }) => item % 2 === 0),
    5,
  )
  t.deepEqual(items(system), [1, 3, 5, 7, 9])
  assertConservation(t, await system.stop())
  t.is(system.deadLetters.discard(), 5)
  t.is(system.deadLetters.size, 0)
})

test('what is sent again is a new production with attempts of its own', async (t) => {
  let broken = true
  const system = new ProducerConsumerSystem({
    handler: (n: number, { attempt }) => {
      if (broken) throw new Error(`${n} ${attempt}`)
      return n
    },
    retry: { attempts: 2 },
  })
  await system.start()
  await system.sendMany(range(10))
  await system.idle()
  t.true([...system.deadLetters].every(({ attempts }) => attempts === 2))
  t.is(await system.deadLetters.redrive(({ item }) => item < 3), 3)
  await system.idle()
  t.deepEqual(items(system), [3, 4, 5, 6, 7, 8, 9, 0, 1, 2])
  broken = false
  t.is(await system.deadLetters.redrive(), 10)
  const report = await system.stop()
  assertConservation(t, report)
  t.like(report, { produced: 23, processed: 10, deadLettered: 13 })
  t.is(system.deadLetters.size, 0)
})

test('what cannot be sent again stays', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (_n: number) => fails() })
  await system.start()
  await system.sendMany([1, 2])
  await system.stop()
  await t.throwsAsync(system.deadLetters.redrive(), { code: 'ERR_MILLRACE_CLOSED' })
  t.deepEqual(items(system), [1, 2])
})

test('with too many the oldest are evicted', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (_n: number) => fails(), deadLetters: { keep: 3 } })
  let told = 0
  system.on('deadLetter', () => told++)
  await system.start()
  await system.sendMany(range(10))
  assertConservation(t, await system.stop())
  t.deepEqual(items(system), [7, 8, 9])
  t.is(system.deadLetters.evicted, 7)
  t.is(told, 10)
})

const BLOCKED = {
  'a function': () => (_n: number) => fails(),
  'a function with retries': () => (_n: number) => fails(),
  'a module': () => handlerModule<{ failing(n: number): number }, 'failing'>(FAILING, { export: 'failing' }),
}

for (const [kind, make] of Object.entries(BLOCKED)) {
  test(`with too many, consumers wait until some are gone, and a stop does not: ${kind}`, async (t) => {
    const consumers = 2
    const system = new ProducerConsumerSystem({
      consumers,
      capacity: 100,
      handler: make() as (n: number) => number,
      deadLetters: { keep: 5, whenFull: 'block' },
      ...(kind.endsWith('retries') && { retry: { attempts: 2 } }),
    })
    await system.start()
    // Those fail at their first attempt, whatever the handler.
    const failing = range(40).map((n) => 5 * n + 1)
    await system.sendMany(failing)
    await until(() => system.deadLetters.size >= 5)
    await turns(50)
    const { size } = system.deadLetters
    // Those that were in hand when the list became full come on top.
    t.true(size <= 5 + consumers, `${size} letters`)
    t.true(system.stats().queued > 0)
    system.deadLetters.discard()
    await until(() => system.deadLetters.size >= 5)
    const report = await system.stop()
    assertConservation(t, report)
    t.is(report.deadLettered, 40)
    t.is(system.deadLetters.size, 40 - size)
  })
}

for (const [name, options] of [
  ['one attempt', {}],
  ['several attempts', { retry: { attempts: 2 } }],
] as const) {
  test(`all that is in hand is given up, also where a listener makes room for letters meanwhile: ${name}`, async (t) => {
    for (const end of ['abort', 'time-out'] as const) {
      const system = new ProducerConsumerSystem({
        consumers: 3,
        handler: (_n: number) => new Promise<never>(() => {}),
        deadLetters: { whenFull: 'block' },
        ...options,
      })
      const letters: number[] = []
      system.on('deadLetter', ({ item }) => {
        letters.push(item)
        system.deadLetters.discard()
      })
      await system.start()
      await system.sendMany(range(3))
      await until(() => system.stats().inFlight === 3)
      const report = await (end === 'abort' ? system.abort() : system.stop({ timeout: 0 }))
      t.deepEqual(letters, range(3))
      t.deepEqual([report.deadLettered, report.discarded], [3, 0])
      assertConservation(t, report)
    }
  })
}

test('the life of a system is told in events, and on diagnostics channels', async (t) => {
  const system = new ProducerConsumerSystem({
    handler: (n: number) => (n < 0 ? fails() : n),
  })
  const states: string[] = []
  const published: unknown[] = []
  const hear = (message: unknown): void => {
    if ((message as { item: unknown }).item === -1) published.push(message)
  }
  subscribe('millrace:deadLetter', hear)
  t.teardown(() => unsubscribe('millrace:deadLetter', hear))
  let drained = 0
  system.on('stateChange', ({ state, previous }) => states.push(`${previous} > ${state}`))
  system.on('drained', ({ queued, inFlight }) => {
    t.is(queued + inFlight, 0)
    drained++
  })
  await system.start()
  system.pause()
  system.resume()
  await system.sendMany([1, -1])
  await system.idle()
  await until(() => drained > 0)
  await system.stop()
  t.deepEqual(states, [
    'ready > running',
    'running > paused',
    'paused > running',
    'running > draining',
    'draining > stopped',
  ])
  t.like(published, [{ item: -1, reason: 'failed' }])
  t.deepEqual(published, [...system.deadLetters])
  const aborted = new ProducerConsumerSystem({ handler: () => {} })
  const ends: string[] = []
  aborted.on('stateChange', ({ state }) => ends.push(state))
  await aborted.start()
  await aborted.abort()
  t.deepEqual(ends, ['running', 'aborted'])
})

test('a listener that throws does no harm to the others, nor to the items', async (t) => {
  const ended = await runProgram(
    t,
    `process.on('uncaughtException', (error) => console.log(error.message))
    const system = new ProducerConsumerSystem({ handler: () => { throw new Error() }, retry: { attempts: 2 } })
    for (const event of ['attemptFailed', 'retry', 'deadLetter'])
      system.on(event, () => { throw new Error(event) })
    await system.start()
    await system.send(1)
    console.log((await system.stop()).deadLettered)`,
  )
  t.is(ended.stderr, '')
  t.deepEqual(ended.stdout.trim().split('\n').toSorted(), [
    '1',
    'attemptFailed',
    'attemptFailed',
    'deadLetter',
    'retry',
  ])
})

test('options that cannot be used are named', (t) => {
  for (const [deadLetters, option] of [
    [{ keep: -1 }, 'deadLetters.keep'],
    [{ keep: 0, whenFull: 'block' }, 'deadLetters.keep'],
    [{ whenFull: 'drop' }, 'deadLetters.whenFull'],
    [{ max: 1 }, 'deadLetters.max'],
  ] as [DeadLetterOptions, string][]) {
    const error = t.throws(() => new ProducerConsumerSystem({ handler: () => {}, deadLetters }))
    t.true(error instanceof InvalidOptionError && error.option === option, `${error?.message}`)
  }
})

test('a listener that breaks the system off in the middle of a batch keeps nobody from hearing of the rest', async (t) => {
  const system = new ProducerConsumerSystem<number>({
    batch: { size: 3, within: 10_000 },
    handler: async () => {
      throw new BatchError([[0, new Error('no')]], [undefined, 2, 3])
    },
  })
  const letters: unknown[] = []
  system.on('deadLetter', ({ item }) => letters.push(item))
  const ended = new Promise<Report>((resolve) =>
    system.once('attemptFailed', () => resolve(system.abort(new Error('enough')))),
  )
  await system.start()
  await system.sendMany([1, 2, 3])
  const { processed, deadLettered, discarded } = await ended
  t.deepEqual(
    { processed, deadLettered, discarded, letters },
    { processed: 2, deadLettered: 1, discarded: 0, letters: [1] },
  )
})

test('letters that a redrive could not send come back in their old order', async (t) => {
  const gate = new Gate()
  const system = new ProducerConsumerSystem<number>({
    consumers: 1,
    capacity: 1,
    handler: async (item) => {
      if (item > 2) await gate.opened
      throw new Error(`no ${item}`)
    },
  })
  await system.start()
  for (const item of [0, 1, 2]) await system.send(item)
  await system.idle()
  const sending = Promise.allSettled([system.send(3), system.send(4)])
  // Both wait for room, each with a letter in hand.
  const redrives = [system.deadLetters.redrive(), system.deadLetters.redrive()]
  t.is(system.deadLetters.size, 1)
  await until(() => system.stats().inFlight === 1 && system.stats().queued === 1)
  await system.abort()
  gate.open()
  for (const redrive of redrives) await t.throwsAsync(redrive, { code: 'ERR_MILLRACE_ABORTED' })
  await sending
  t.deepEqual(
    [...system.deadLetters].map(({ item }) => item).filter((item) => item < 3),
    [0, 1, 2],
  )
})

test('figures add up while a native consumer waits for room for its letter', async (t) => {
  const system = new ProducerConsumerSystem({
    handler: hash('sha256'),
    consumers: 1,
    deadLetters: { keep: 2, whenFull: 'block' },
  })
  await system.start()
  // Numbers have no bytes to hash.
  await system.sendMany([1, 'text', 2, 3, 4, 5] as string[])
  await until(() => system.deadLetters.size === 2 && system.stats().inFlight === 1)
  await turns(20)
  const stats = system.stats()
  assertConservation(t, stats)
  t.like(stats, { processed: 1, deadLettered: 2, inFlight: 1, queued: 2 })
  system.deadLetters.discard()
  const report = await system.stop()
  t.like(report, { processed: 1, deadLettered: 5 })
  assertConservation(t, report)
})

test('a letter that a filter has thrown away meanwhile is counted once', async (t) => {
  const system = new ProducerConsumerSystem({ handler: () => fails() })
  await system.start()
  await system.sendMany([1, 2, 3])
  await system.idle()
  let inner: number | undefined
  const outer = system.deadLetters.discard(() => {
    inner ??= system.deadLetters.discard()
    return true
  })
  t.deepEqual([inner, outer], [3, 0])
  assertConservation(t, await system.stop())
})
