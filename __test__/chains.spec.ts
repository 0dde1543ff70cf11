import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import {
  Channel,
  type DeadLetter,
  handlerModule,
  hash,
  type ItemChannel,
  ProducerConsumerSystem,
  type Report,
  type SystemOptions,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Queue } from './helpers/foreign-channel.js'
import { Gate, turns, until } from './helpers/gate.js'
import { assertSaid, runProgram } from './helpers/program.js'
import { Random } from './helpers/random.js'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const MODULE = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { createHash } from 'node:crypto'
    export default (text) => createHash('sha256').update(text).digest('hex')
  `)}`,
)

/** The same work, done by handlers of each kind. */
const HANDLERS = {
  callback: () => sha256,
  promise: () => async (text: string) => {
    await null
    return sha256(text)
  },
  module: () => handlerModule<{ default: typeof sha256 }>(MODULE),
  native: () => hash('sha256'),
} satisfies Record<string, () => SystemOptions<string, string>['handler']>

type Kind = keyof typeof HANDLERS
const KINDS = Object.keys(HANDLERS) as Kind[]

type StageOptions = Omit<SystemOptions<string, string>, 'handler'>

/** A system that hashes what it takes, on two consumers, and the dead letters that it has. */
function stage(kind: Kind, options: StageOptions) {
  const system = new ProducerConsumerSystem<string, string>({
    consumers: 2,
    ...options,
    handler: HANDLERS[kind](),
  })
  const letters: DeadLetter<string>[] = []
  system.on('deadLetter', (letter) => letters.push(letter))
  return { system, letters }
}

const itemOf = (n: number): string => `item ${n}`
const itemsOf = (count: number): string[] => Array.from({ length: count }, (_, n) => itemOf(n))

/** Which item a text is, or was made of by at most three stages. */
function numbering(count: number): (text: string) => number {
  const numbers = new Map<string, number>()
  for (let n = 0; n < count; n++) {
    let text = itemOf(n)
    for (let level = 0; level <= 3; level++) {
      numbers.set(text, n)
      text = sha256(text)
    }
  }
  return (text) => numbers.get(text) ?? Number.NaN
}

async function collect<V>(channel: Pick<ItemChannel<V>, typeof Symbol.asyncIterator>): Promise<V[]> {
  const values: V[] = []
  for await (const value of { [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator]() })
    values.push(value)
  return values
}

/** Asserts that the texts are one of each item, whatever stages made of it. */
function assertEachOnce(t: ExecutionContext, count: number, texts: readonly string[]): void {
  const numbers = texts.map(numbering(count)).sort((a, b) => a - b)
  t.deepEqual(
    numbers,
    Array.from({ length: count }, (_, n) => n),
  )
}

function assertWithin(t: ExecutionContext, ...channels: Channel<string>[]): void {
  for (const channel of channels) {
    const { peakQueued, capacity } = channel.stats()
    t.true(peakQueued <= capacity, `peak ${peakQueued} within ${capacity}`)
  }
}

for (const kind of KINDS) {
  test(`three stages of ${kind} handlers: each item once, every bound kept, and the end passed down`, async (t) => {
    const count = 500
    const a = new Channel<string>({ capacity: 3 })
    const b = new Channel<string>({ capacity: 1 })
    const out = new Channel<string>({ capacity: 5 })
    const systems = [
      stage(kind, { source: itemsOf(count), capacity: 4, results: a }),
      stage(kind, { source: a, capacity: 2, results: b }),
      stage(kind, { channel: b, results: out }),
    ].map(({ system }) => system)
    await Promise.all(systems.map((system) => system.start()))
    assertEachOnce(t, count, await collect(out))
    for (const system of systems) {
      const report = await system.finished
      t.is(report.processed, count)
      assertConservation(t, report)
    }
    for (const channel of [a, b, out]) t.true(channel.closed)
    assertWithin(t, a, b, out)
  })

  test(`${kind} handlers whose results nobody takes hold up the first source`, async (t) => {
    const count = 3000
    const a = new Channel<string>({ capacity: 3 })
    const b = new Channel<string>({ capacity: 2 })
    const out = new Channel<string>({ capacity: 5 })
    // What the channels hold, what is in the consumers' hands, and what the source was pulled for and waits.
    const most = [a, b, out].reduce((sum, channel) => sum + channel.capacity, 0) + 3 * (4 + 2) + 2 * 64
    let pulled = 0
    let taken = 0
    let ahead = 0
    function* items() {
      for (; pulled < count; ahead = Math.max(ahead, pulled - taken)) yield itemOf(pulled++)
    }
    const systems = [
      stage(kind, { source: { [Symbol.iterator]: items }, capacity: 4, results: a }),
      stage(kind, { source: a, capacity: 4, results: b }),
      stage(kind, { source: b, capacity: 4, results: out }),
    ].map(({ system }) => system)
    await Promise.all(systems.map((system) => system.start()))
    await until(() => out.length === out.capacity && (systems[0]?.stats().waitingSends ?? 0) > 0)
    await turns(50)
    t.true(pulled <= most, `${pulled} pulled`)
    const results: string[] = []
    for await (const result of out) {
      taken++
      results.push(result)
    }
    assertEachOnce(t, count, results)
    t.true(ahead <= most, `${ahead} ahead`)
    for (const system of systems) assertConservation(t, await system.finished)
    assertWithin(t, a, b, out)
  })

  for (const end of ['close', 'abort'] as const) {
    test(`a channel for results of ${kind} handlers that meets its ${end}: what it did not take is dead-lettered`, async (t) => {
      const count = 40
      const sink = new Channel<string>({ capacity: 2 })
      const { system, letters } = stage(kind, { source: itemsOf(count), results: sink })
      await system.start()
      const taken = [await sink.receive(), await sink.receive(), await sink.receive()]
      await until(() => sink.stats().waitingSends > 0)
      if (end === 'close') {
        sink.close()
        taken.push(...(await collect(sink)))
      } else taken.push(...sink.abort(new Error('enough')))
      const report = await system.finished
      assertConservation(t, report)
      t.is(report.processed, taken.length)
      t.is(report.deadLettered, letters.length)
      assertEachOnce(t, count, [...taken, ...letters.map(({ item }) => item)])
      const code = end === 'close' ? 'ERR_MILLRACE_CLOSED' : 'ERR_MILLRACE_ABORTED'
      for (const { error, reason, attempts } of letters) {
        t.like(error, { name: end === 'close' ? 'ClosedError' : 'AbortedError', code })
        t.deepEqual([reason, attempts], ['failed', 1])
      }
    })
  }

  test(`a stage of ${kind} handlers that is stopped leaves in its channel what it did not take`, async (t) => {
    const count = 300
    const a = new Channel<string>({ capacity: count })
    await a.sendMany(itemsOf(count))
    const out = new Channel<string>({ capacity: 2 })
    const { system } = stage(kind, { source: a, capacity: 16, results: out })
    await system.start()
    await until(() => out.length === 2)
    const stopped = system.stop()
    const results = await collect(out)
    const report = await stopped
    assertConservation(t, report)
    t.is(report.processed, results.length)
    t.is(report.deadLettered, 0)
    t.false(a.closed)
    a.close()
    const left = await collect(a)
    t.true(left.length > 0)
    assertEachOnce(t, count, [...results, ...left])
  })

  test(`a middle stage of ${kind} handlers that is aborted: the rest goes on, and nothing is lost`, async (t) => {
    const count = 300
    const a = new Channel<string>({ capacity: 4 })
    const b = new Channel<string>({ capacity: 2 })
    const out = new Channel<string>({ capacity: 2 })
    const first = stage(kind, { source: itemsOf(count), capacity: 300, results: a })
    const middle = stage(kind, { source: a, capacity: 8, results: b })
    const last = stage(kind, { source: b, capacity: 3, results: out })
    await Promise.all([first, middle, last].map(({ system }) => system.start()))
    // All of it is full, and all its consumers wait.
    await until(() => [a, b, out].every((channel) => channel.stats().waitingSends > 0))
    const aborted = await middle.system.abort(new Error('enough'))
    const results = await collect(out)
    const rest = await collect(a)
    const reports = [await first.system.finished, aborted, await last.system.finished]
    for (const report of reports) assertConservation(t, report)
    t.deepEqual(
      reports.map(({ state }) => state),
      ['stopped', 'aborted', 'stopped'],
    )
    t.true(b.closed)
    t.deepEqual([first.letters, last.letters], [[], []])
    t.true(middle.letters.every(({ reason }) => reason === 'aborted'))
    assertEachOnce(t, count, [
      ...results,
      ...rest,
      ...aborted.unprocessed,
      ...middle.letters.map(({ item }) => item),
    ])
  })

  test(`stop({ timeout }) of ${kind} handlers ends although nobody reads their results`, async (t) => {
    const count = 100
    const sink = new Channel<string>({ capacity: 3 })
    const { system, letters } = stage(kind, { source: itemsOf(count), capacity: 10, results: sink })
    await system.start()
    await until(() => sink.stats().waitingSends > 0)
    const report = await system.stop({ timeout: 1 })
    t.is(report.state, 'stopped')
    assertConservation(t, report)
    t.is(report.processed + letters.length, report.produced)
    t.true(letters.length > 0)
    t.true(letters.every(({ reason }) => reason === 'timeout'))
    // It is closed all the same, and has what it had taken.
    t.deepEqual((await collect(sink)).length, report.processed)
  })

  test(`two systems of ${kind} handlers send to one channel, which neither closes`, async (t) => {
    const sink = new Channel<string>({ capacity: 3 })
    const systems = [0, 1].map((half) => {
      const source = itemsOf(200).filter((_, n) => n % 2 === half)
      return stage(kind, { source, results: sink, closeResults: false }).system
    })
    await Promise.all(systems.map((system) => system.start()))
    const results = collect(sink)
    const reports = await Promise.all(systems.map((system) => system.finished))
    t.false(sink.closed)
    sink.close()
    assertEachOnce(t, 200, await results)
    for (const report of reports) assertConservation(t, report)
    assertWithin(t, sink)
  })

  test(`the results of run() go to the caller and not to the channel: ${kind} handlers`, async (t) => {
    const channel = new Channel<string>({ capacity: 100 })
    const sink = new Channel<string>({ capacity: 100 })
    const { system } = stage(kind, { channel, results: sink })
    await system.start()
    await system.send('sent')
    t.is(await system.run('ran'), sha256('ran'))
    t.is(await sink.receive(), sha256('sent'))
    t.deepEqual(await Promise.all(itemsOf(50).map((item) => system.run(item))), itemsOf(50).map(sha256))
    const report = await system.stop()
    t.is(report.processed, 52)
    assertConservation(t, report)
    await t.throwsAsync(sink.receive(), { code: 'ERR_MILLRACE_CLOSED' })
  })

  test(`a system of ${kind} handlers on a channel of its caller's: sends go there, and it stays open`, async (t) => {
    const channel = new Channel<string>({ capacity: 2 })
    const { system } = stage(kind, { channel, results: true })
    await system.send(itemOf(0))
    t.true(system.trySend(itemOf(1)))
    t.false(system.trySend('full'))
    t.is(channel.length, 2)
    await t.throwsAsync(system.send('full', { timeout: 0 }), { code: 'ERR_MILLRACE_TIMEOUT' })
    const results = collect(system.results())
    await system.start()
    await system.sendMany(itemsOf(100).slice(2))
    await until(() => system.stats().processed === 100)
    const report = await system.stop()
    assertConservation(t, report)
    t.is(report.produced, 100)
    assertEachOnce(t, 100, await results)
    assertWithin(t, channel)
    // It is open, for others and for the next system.
    t.true(channel.trySend('more'))
    t.is(await channel.receive(), 'more')
  })
}

test('a gate in the last handler holds up the first source', async (t) => {
  const count = 2000
  const gate = new Gate()
  const a = new Channel<string>({ capacity: 3 })
  const b = new Channel<string>({ capacity: 2 })
  const seen: string[] = []
  let pulled = 0
  function* items() {
    while (pulled < count) yield itemOf(pulled++)
  }
  const first = stage('callback', { source: { [Symbol.iterator]: items }, capacity: 4, results: a })
  const second = stage('callback', { source: a, capacity: 4, results: b })
  const last = new ProducerConsumerSystem({
    source: b,
    consumers: 3,
    capacity: 4,
    handler: async (text: string) => {
      await gate.opened
      seen.push(text)
    },
  })
  const systems = [first.system, second.system, last]
  await Promise.all(systems.map((system) => system.start()))
  await until(() => last.stats().inFlight === 3 && first.system.stats().waitingSends > 0)
  await turns(50)
  t.true(pulled <= 3 + 2 + 3 * 4 + 2 + 2 + 3 + 2 * 64, `${pulled} pulled`)
  gate.open()
  for (const system of systems) assertConservation(t, await system.finished)
  assertEachOnce(t, count, seen)
})

test('closing the head of a chain of all kinds ends each stage in turn', async (t) => {
  const [head, a, b, out] = [0, 1, 2, 3].map(() => new Channel<string>({ capacity: 10 })) as [
    Channel<string>,
    Channel<string>,
    Channel<string>,
    Channel<string>,
  ]
  const systems = [
    stage('native', { source: head, results: a }),
    stage('module', { source: a, results: b }),
    stage('callback', { source: b, results: out }),
  ].map(({ system }) => system)
  await Promise.all(systems.map((system) => system.start()))
  const results = collect(out)
  await head.sendMany(itemsOf(200))
  head.close()
  for (const system of systems) {
    const report = await system.finished
    t.is(report.processed, 200)
    assertConservation(t, report)
  }
  assertEachOnce(t, 200, await results)
})

test('a channel as a source keeps the order', async (t) => {
  const channel = new Channel<number>({ capacity: 1000 })
  const seen: number[] = []
  const system = new ProducerConsumerSystem({
    source: channel,
    consumers: 1,
    handler: (n: number) => void seen.push(n),
  })
  await system.start()
  for (let n = 0; n < 5000; n += 100) await channel.sendMany(Array.from({ length: 100 }, (_, i) => n + i))
  channel.close()
  await system.finished
  t.true(seen.every((n, index) => n === index))
  t.is(seen.length, 5000)
})

test('a source that was aborted fails its system, once what came before is handled', async (t) => {
  for (const kind of KINDS) {
    const channel = new Channel<string>({ capacity: 10 })
    const sink = new Channel<string>({ capacity: 10 })
    const { system } = stage(kind, { source: channel, results: sink })
    await system.start()
    await channel.send(itemOf(0))
    t.is(await sink.receive(), sha256(itemOf(0)), kind)
    channel.abort(new Error('enough'))
    const error = await t.throwsAsync<Error & { report: Report }>(system.finished, {
      code: 'ERR_MILLRACE_SOURCE',
    })
    t.like(error?.cause, { code: 'ERR_MILLRACE_ABORTED' })
    assertConservation(t, error?.report as Report)
    t.true(sink.closed)
  }
})

test('results that are in the channel of a worker survive its death', async (t) => {
  const source = new Channel<number>({ capacity: 200 })
  const sink = new Channel<number>({ capacity: 200 })
  await source.sendMany(Array.from({ length: 200 }, (_, n) => n))
  source.close()
  const letters: number[] = []
  const system = new ProducerConsumerSystem<number, number>({
    source,
    consumers: 1,
    capacity: 200,
    handler: new URL(
      'data:text/javascript,export default (n) => { if ([49, 99, 149, 199].includes(n)) process.exit(); return n }',
    ),
    results: sink,
  })
  system.on('deadLetter', ({ item, reason, deaths }) => {
    t.deepEqual([reason, deaths], ['died', 2])
    letters.push(item)
  })
  await system.start()
  const results = await collect(sink)
  assertConservation(t, await system.finished)
  t.deepEqual(
    [...results, ...letters].sort((a, b) => a - b),
    Array.from({ length: 200 }, (_, n) => n),
  )
  t.deepEqual(letters, [49, 99, 149, 199])
})

test('a channel that is a plain object serves as source, as place for results, and as channel', async (t) => {
  const [a, b, c] = [new Queue<string>(3), new Queue<string>(2), new Queue<string>(4)]
  const systems = [
    stage('promise', { source: itemsOf(300), capacity: 4, results: a }),
    stage('callback', { source: a, capacity: 2, results: b }),
    stage('promise', { channel: b, results: c }),
  ].map(({ system }) => system)
  await Promise.all(systems.map((system) => system.start()))
  assertEachOnce(t, 300, await collect(c))
  for (const system of systems) {
    const report = await system.finished
    t.is(report.processed, 300)
    assertConservation(t, report)
  }
  for (const queue of [a, b, c]) {
    t.true(queue.peak <= queue.capacity, `peak ${queue.peak}`)
    t.is(queue.leased, 0)
  }
})

test('a plain object is a source for native and module handlers too', async (t) => {
  for (const kind of ['native', 'module'] as const) {
    const queue = new Queue<string>(5)
    const { system } = stage(kind, { channel: queue, results: true })
    const results = collect(system.results())
    await system.start()
    await system.sendMany(itemsOf(100))
    t.throws(() => system.trySend('no'), { code: 'ERR_MILLRACE_INVALID_STATE' })
    queue.close()
    assertConservation(t, await system.finished)
    assertEachOnce(t, 100, await results)
  }
})

test('a stop leaves in a plain object what was not taken, and gives back what could not get in', async (t) => {
  for (const heedsSignals of [true, false]) {
    const queue = new Queue<string>(1000, heedsSignals)
    const gate = new Gate()
    const seen: string[] = []
    const system = new ProducerConsumerSystem({
      channel: queue,
      consumers: 2,
      handler: async (text: string) => {
        await gate.opened
        seen.push(text)
      },
    })
    await system.sendMany(itemsOf(20))
    await system.start()
    await until(() => system.stats().inFlight === 2 && system.stats().waitingSends === 1)
    const stopped = system.stop()
    gate.open()
    const report = await stopped
    assertConservation(t, report)
    t.is(report.processed, seen.length)
    await until(() => queue.leased === 0)
    t.false(queue.closed)
    t.true(seen.length < 20)
    assertEachOnce(t, 20, [...seen, ...queue.items])

    // One that was still awaited goes back when it comes.
    const idle = new ProducerConsumerSystem({ channel: queue, handler: () => {} })
    queue.items.length = 0
    await idle.start()
    await until(() => queue.waiting > 0)
    t.is((await idle.stop()).produced, 0)
    await queue.send('late')
    await until(() => queue.leased === 0 && queue.waiting === 0)
    t.deepEqual(queue.items, ['late'])
  }
})

test('an abort gives back to a plain object what waited for room', async (t) => {
  const queue = new Queue<string>(1000)
  const system = new ProducerConsumerSystem({
    channel: queue,
    consumers: 2,
    handler: () => new Promise<void>(() => {}),
  })
  const letters: string[] = []
  system.on('deadLetter', ({ item }) => letters.push(item))
  await system.sendMany(itemsOf(20))
  await system.start()
  await until(() => system.stats().inFlight === 2 && system.stats().waitingSends === 1)
  const report = await system.abort()
  assertConservation(t, report)
  await until(() => queue.leased === 0)
  assertEachOnce(t, 20, [...letters, ...report.unprocessed, ...queue.items])
})

test('a plain object that fails as a source fails the system, and as a sink the item', async (t) => {
  const broken = new Queue<string>(10)
  broken.lease = () => Promise.reject(new RangeError('no connection'))
  const one = new ProducerConsumerSystem({ source: broken, handler: () => {} })
  await one.start()
  const error = await t.throwsAsync(one.finished, { code: 'ERR_MILLRACE_SOURCE' })
  t.like(error?.cause, { message: 'no connection' })

  const full = new Queue<string>(10)
  full.send = () => {
    throw new RangeError('no room')
  }
  const { system, letters } = stage('callback', { source: ['x'], results: full })
  await system.start()
  assertConservation(t, await system.finished)
  t.deepEqual(
    letters.map(({ item, error }) => [item, (error as Error).message]),
    [['x', 'no room']],
  )
})

test('what is no channel, or not one here, is refused, and the message names the option', (t) => {
  const handler = (item: string): string => item
  const detached = new Channel<string>()
  detached[Symbol.dispose]()
  const { lease: _, ...lacking } = plainMethods()
  const refused = (options: object, option: string, expected: RegExp): void => {
    t.throws(() => new ProducerConsumerSystem({ handler, ...options } as never), {
      code: 'ERR_MILLRACE_INVALID_OPTION',
      message: expected,
    })
    t.throws(() => new ProducerConsumerSystem({ handler, ...options } as never), {
      message: new RegExp(`^${option}: `),
    })
  }
  for (const bad of [null, 1, 'a', {}, []]) {
    refused({ channel: bad }, 'channel', /expected a channel, got /)
    refused({ results: bad }, 'results', /expected true, false, or a Channel, got /)
  }
  refused({ channel: lacking }, 'channel', /; it has no lease\(\)$/)
  refused({ results: lacking }, 'results', /; it has no lease\(\)$/)
  for (const option of ['channel', 'source', 'results'])
    refused({ [option]: detached }, option, /expected a channel that is attached, .*disposed of/)
  const channel = new Channel<string>()
  refused({ channel, capacity: 5 }, 'capacity', /expected none beside a channel/)
  refused({ channel, source: [1] }, 'source', /expected none beside a channel/)
  refused({ results: channel, closeResults: 1 }, 'closeResults', /expected true or false, got 1/)
  for (const other of [hash('sha256'), MODULE])
    refused(
      { results: new Queue(1), handler: other },
      'results',
      /a Channel, got .*; only a handler that is a function/,
    )
})

/** Methods of a channel, on an object that is none. */
function plainMethods(): Record<string, () => void> {
  const names = ['send', 'sendMany', 'receive', 'receiveMany', 'lease', 'close', 'abort']
  return Object.fromEntries(names.map((name) => [name, () => {}]))
}

test('results() of a system that sends them to a channel is refused', async (t) => {
  const { system } = stage('callback', { results: new Channel<string>() })
  t.throws(() => system.results(), { code: 'ERR_MILLRACE_INVALID_STATE', message: /sends them to a channel/ })
  await system.stop()
})

test('a program with a chain ends by itself once its head is closed', async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel } = await import(library)
    const [head, middle, out] = [1, 2, 3].map((capacity) => new Channel({ capacity }))
    const module = new URL('data:text/javascript,export default (n) => n + 1')
    const first = new ProducerConsumerSystem({ channel: head, handler: (n) => n + 1, results: middle })
    const second = new ProducerConsumerSystem({ source: middle, handler: module, consumers: 2, results: out })
    await Promise.all([first.start(), second.start()])
    const sent = head.sendMany([1, 2, 3, 4, 5]).then(() => head.close())
    let sum = 0
    for await (const n of out) sum += n
    console.log(sum)`,
  )
  assertSaid(t, ended, '25')
})

test('what a stop with a time-out gives up has not gone down the chain', async (t) => {
  t.timeout(60_000)
  const random = new Random(t)
  for (let round = 0; round < 300; round++) {
    const between = new Channel<number>({ capacity: 1 + (round % 3) })
    const first = new ProducerConsumerSystem<number, number>({
      capacity: 5,
      consumers: 4,
      source: Array.from({ length: 80 }, (_, item) => item),
      handler: async (item) => {
        await sleep(0)
        return item
      },
      results: between,
    })
    const received: number[] = []
    const second = new ProducerConsumerSystem<number>({
      capacity: 2,
      consumers: 1 + (round % 3),
      source: between,
      handler: async (item) => {
        received.push(item)
        await sleep(round % 2)
      },
    })
    const givenUp: number[] = []
    first.on('deadLetter', ({ item }) => givenUp.push(item))
    await Promise.all([first.start(), second.start()])
    await sleep(random.below(8))
    const report = await first.stop({ timeout: random.below(20) / 10 })
    await second.finished
    t.deepEqual(
      givenUp.filter((item) => received.includes(item)),
      [],
    )
    t.is(received.length, report.processed)
  }
})
