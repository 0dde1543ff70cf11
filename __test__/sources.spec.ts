import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import {
  files,
  hashFile,
  lines,
  noop,
  ProducerConsumerSystem,
  type SourceContext,
  type SourceError,
  sequence,
  sourceModule,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns, until } from './helpers/gate.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

test('an iterable is pulled by one producer, to its end', async (t) => {
  const handled: string[] = []
  const system = new ProducerConsumerSystem({
    producers: 10,
    source: new Set(['a', 'b', 'c']),
    handler: (item) => void handled.push(item),
  })
  await system.start()
  const report = await system.finished
  t.deepEqual(handled, ['a', 'b', 'c'])
  assertConservation(t, report)
})

test('an endless iterable is pulled no faster than its items are handled', async (t) => {
  let pulled = 0
  const gate = new Gate()
  function* numbers(): Generator<number> {
    for (;;) yield pulled++
  }
  const system = new ProducerConsumerSystem({
    capacity: 10,
    consumers: 1,
    source: numbers(),
    handler: () => gate.opened,
  })
  await system.start()
  await until(() => system.stats().waitingSends === 1)
  await turns(20)
  const before = pulled
  await turns(20)
  t.is(pulled, before)
  t.true(before <= 10 + 1 + 64)
  gate.open()
  await until(() => pulled > before)
  assertConservation(t, await system.stop())
})

test('what a source yields before it waits is not held back', async (t) => {
  const gate = new Gate()
  const handled: number[] = []
  async function* source(): AsyncGenerator<number> {
    yield 1
    yield 2
    await gate.opened
    yield 3
  }
  const system = new ProducerConsumerSystem({ source: source(), handler: (item) => void handled.push(item) })
  await system.start()
  await until(() => handled.length === 2)
  gate.open()
  assertConservation(t, await system.finished)
  t.deepEqual(handled, [1, 2, 3])
})

test('a value that changes after it was yielded travels as it was', async (t) => {
  const handled: unknown[] = []
  function* source(): Generator<unknown> {
    const bytes = new Uint8Array(1)
    const item = { n: 0 }
    for (let n = 1; n <= 3; n++) {
      bytes[0] = n
      yield bytes
      item.n = n
      yield item
    }
  }
  const system = new ProducerConsumerSystem({ source: source(), handler: (item) => void handled.push(item) })
  await system.start()
  await system.finished
  t.deepEqual(
    handled,
    [1, 2, 3].flatMap((n) => [Uint8Array.of(n), { n }]),
  )
})

test('a source function is called once for each producer, with its place among them', async (t) => {
  const contexts: SourceContext[] = []
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    producers: 3,
    source: async function* (context: SourceContext) {
      contexts.push(context)
      for (let n = context.index; n < 30; n += context.count) yield n
    },
    handler: (item) => void handled.push(item),
  })
  await system.start()
  const report = await system.finished
  t.deepEqual(
    contexts.map(({ index, count }) => ({ index, count })),
    [0, 1, 2].map((index) => ({ index, count: 3 })),
  )
  t.deepEqual(
    handled.sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, index) => index),
  )
  assertConservation(t, report)
})

test('a source function is one producer unless told otherwise', async (t) => {
  let calls = 0
  const system = new ProducerConsumerSystem({
    source: () => {
      calls++
      return [1]
    },
    handler: (item) => item,
  })
  await system.start()
  await system.finished
  t.is(calls, 1)
})

test('a stop tells a source by its signal and by return, and sends what it had yielded', async (t) => {
  const handled: number[] = []
  let cleaned = false
  let signal: AbortSignal | undefined
  const system = new ProducerConsumerSystem({
    capacity: 3,
    source: async function* (context: SourceContext) {
      signal = context.signal
      try {
        for (let n = 0; ; n++) {
          if (n % 10 === 9) await turns()
          yield n
        }
      } finally {
        cleaned = true
      }
    },
    handler: (item) => void handled.push(item),
  })
  await system.start()
  await until(() => handled.length > 100)
  const report = await system.stop()
  // The generator was in the middle of a wait, and comes to its end after it.
  await until(() => cleaned)
  t.true(signal?.aborted)
  t.deepEqual(
    handled,
    handled.map((_, index) => index),
  )
  t.is(report.processed, handled.length)
  assertConservation(t, report)
})

const failure = new TypeError('the database went away')
const BROKEN: Record<string, () => Iterable<number> | AsyncIterable<number>> = {
  'throws when it is called': () => {
    throw failure
  },
  'throws when its iterator is asked for': () => ({
    [Symbol.iterator]: () => {
      throw failure
    },
  }),
  'throws after some items': function* () {
    yield* [1, 2, 3]
    throw failure
  },
  'rejects after some items': async function* () {
    yield* [1, 2, 3]
    await turns()
    throw failure
  },
}

for (const [how, source] of Object.entries(BROKEN)) {
  test(`a source that ${how} ends production, and what it produced is settled`, async (t) => {
    const handled: number[] = []
    const system = new ProducerConsumerSystem({ source, handler: (item) => void handled.push(item) })
    await system.start()
    const error = await t.throwsAsync<SourceError<number>>(system.finished, {
      name: 'SourceError',
      code: 'ERR_MILLRACE_SOURCE',
      message: 'the source failed: the database went away',
    })
    t.is(error?.cause, failure)
    t.is(error?.report.processed, handled.length)
    t.deepEqual(handled, how.includes('some items') ? [1, 2, 3] : [])
    t.is(await t.throwsAsync(system.stop()), error)
    t.is(system.stats().state, 'stopped')
    assertConservation(t, error?.report ?? system.stats())
  })
}

test('a source that yields what cannot travel fails, and is told to return', async (t) => {
  let returned = false
  function* source(): Generator<unknown> {
    try {
      yield 1
      yield { callback: () => {} }
    } finally {
      returned = true
    }
  }
  const system = new ProducerConsumerSystem({ source: source(), handler: (item) => item })
  await system.start()
  const error = await t.throwsAsync<SourceError>(system.finished, { code: 'ERR_MILLRACE_SOURCE' })
  t.like(error?.cause, { code: 'ERR_MILLRACE_UNCLONEABLE', path: 'item.callback' })
  t.true(returned)
  t.is(error?.report.processed, 1)
})

test('one failing producer ends the others', async (t) => {
  const system = new ProducerConsumerSystem({
    producers: 3,
    source: async function* ({ index }: SourceContext) {
      for (let n = 0; ; n++) {
        if (index === 1 && n === 5) throw failure
        await turns()
        yield n
      }
    },
    handler: (item) => item,
  })
  await system.start()
  const error = await t.throwsAsync<SourceError>(system.finished)
  t.is(error?.cause, failure)
  assertConservation(t, error?.report ?? system.stats())
})

test('finished is no unhandled rejection where nobody waits for it', async (t) => {
  const system = new ProducerConsumerSystem({ source: BROKEN['throws after some items'], handler: noop() })
  await system.start()
  await until(() => system.stats().state === 'stopped')
  await turns(3)
  t.pass()
})

test('sequence makes names, numbers and bytes', async (t) => {
  const collect = async <T>(source: ReturnType<typeof sequence<never>> | object): Promise<T[]> => {
    const items: T[] = []
    const system = new ProducerConsumerSystem<T, void>({
      producers: 2,
      source: source as never,
      handler: (item) => void items.push(item),
    })
    await system.start()
    assertConservation(t, await system.finished)
    return items
  }
  t.deepEqual((await collect<string>(sequence({ limit: 4 }))).sort(), [
    'item_0_0',
    'item_0_1',
    'item_1_0',
    'item_1_1',
  ])
  t.deepEqual((await collect<number>(sequence({ of: 'number', limit: 5 }))).sort(), [0, 1, 2, 3, 4])
  t.deepEqual(await collect<Uint8Array>(sequence({ of: 'bytes', size: 3, limit: 1 })), [new Uint8Array(3)])
  t.deepEqual(await collect(sequence({ limit: 0 })), [])
})

test('lines gives each line of each file once, as text or as bytes', async (t) => {
  const folder = await temporaryFolder(t)
  const paths = [join(folder, 'a.txt'), join(folder, 'ü b.txt')] as const
  await writeFile(paths[0], 'one\r\ntwo\n\nfour')
  await writeFile(paths[1], 'fünf\n')
  const read: string[] = []
  const system = new ProducerConsumerSystem({
    source: lines([paths[0], pathToFileURL(paths[1])]),
    handler: (line) => void read.push(line),
  })
  await system.start()
  assertConservation(t, await system.finished)
  t.deepEqual(read.sort(), ['', 'four', 'fünf', 'one', 'two'])

  const bytes: Uint8Array[] = []
  const raw = new ProducerConsumerSystem({
    source: lines(Buffer.from(paths[1]), { encoding: 'buffer' }),
    handler: (line) => void bytes.push(line),
  })
  await raw.start()
  await raw.finished
  t.deepEqual(bytes, [new TextEncoder().encode('fünf')])
})

test('files and hashFile work together, whatever the names', async (t) => {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'sub'))
  await writeFile(join(folder, 'sub', 'new\nline'), '')
  await writeFile(join(folder, '.hidden'), '')
  await writeFile(join(folder, 'c.txt'), '')
  const system = new ProducerConsumerSystem({
    source: files(folder),
    handler: hashFile('sha256'),
    results: true,
  })
  await system.start()
  const digests = new Map<string, string>()
  for await (const { path, digest } of system.results()) digests.set(path, digest)
  t.deepEqual(
    [...digests.keys()].sort(),
    ['.hidden', 'c.txt', join('sub', 'new\nline')].map((name) => join(folder, name)),
  )
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  t.true([...digests.values()].every((digest) => digest === empty))
  assertConservation(t, await system.finished)

  const some: Uint8Array[] = []
  const filtered = new ProducerConsumerSystem({
    source: files(folder, { glob: '*.txt', hidden: false, encoding: 'buffer' }),
    handler: (path) => void some.push(path),
  })
  await filtered.start()
  await filtered.finished
  t.deepEqual(
    some.map((path) => Buffer.from(path).toString()),
    [join(folder, 'c.txt')],
  )
})

test('a file that cannot be hashed is a dead letter with the system code, and the rest goes on', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'there'), 'x')
  const failures: unknown[] = []
  const system = new ProducerConsumerSystem({
    source: [join(folder, 'missing'), join(folder, 'there'), folder],
    handler: hashFile('xxh3'),
  })
  system.on('deadLetter', ({ item, error }) => failures.push([item, (error as { code: string }).code]))
  await system.start()
  const report = await system.finished
  t.is(report.processed, 1)
  t.deepEqual(failures.sort(), [
    [folder, 'ERR_MILLRACE_NOT_A_FILE'],
    [join(folder, 'missing'), 'ENOENT'],
  ])
  assertConservation(t, report)
})

for (const [kind, iterable] of [
  ['an array', [1, 2, 3, 4, 5]],
  [
    'an asynchronous generator',
    (async function* () {
      yield* [1, 2, 3, 4, 5]
    })(),
  ],
] as const) {
  test(`what stops the system while an item gets its key does not take the item along: ${kind}`, async (t) => {
    const handled: number[] = []
    const system: ProducerConsumerSystem<number> = new ProducerConsumerSystem({
      source: iterable as AsyncIterable<number>,
      key: (item: number) => {
        if (item === 3) void system.stop()
        return 'key'
      },
      handler: (item: number) => {
        handled.push(item)
      },
    })
    await system.start()
    const report = await system.finished
    t.deepEqual(handled, [1, 2, 3])
    t.is(report.produced, 3)
    assertConservation(t, report)
  })
}

/** Gives four items at once, and owes the fifth until the gate is open. It can't be asked again before. */
function owing(gate: Gate): { iterable: AsyncIterable<number>; asked: () => number } {
  let asked = 0
  let owes = false
  const next = async (): Promise<IteratorResult<number, undefined>> => {
    if (owes) throw new Error('asked again while it owes an item')
    owes = true
    const n = asked++
    if (n === 4) await gate.opened
    owes = false
    return n < 6 ? { done: false, value: n } : { done: true, value: undefined }
  }
  return { iterable: { [Symbol.asyncIterator]: () => ({ next }) }, asked: () => asked }
}

test('an iterator is not asked again while it owes an item, also where there was no room meanwhile', async (t) => {
  const gate = new Gate()
  const handling = new Gate()
  const handled: number[] = []
  const { iterable, asked } = owing(gate)
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 1,
    source: iterable,
    handler: async (item) => {
      await handling.opened
      handled.push(item)
    },
  })
  await system.start()
  await until(() => asked() === 5 && system.stats().waitingSends > 0)
  handling.open()
  await until(() => handled.length === 4)
  await turns(5)
  gate.open()
  assertConservation(t, await system.finished)
  t.deepEqual(handled, [0, 1, 2, 3, 4, 5])
})

test("a module's iterator is not asked again while it owes an item", async (t) => {
  const source = `import { setTimeout as sleep } from 'node:timers/promises'
    export default function () {
      let n = 0
      let owes = false
      const next = async () => {
        if (owes) throw new Error('asked again while it owes an item')
        owes = true
        const value = n++
        if (value % 5 === 4) await sleep(5)
        owes = false
        return value < 40 ? { done: false, value } : { done: true }
      }
      return { [Symbol.asyncIterator]: () => ({ next }) }
    }`
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    producers: 1,
    capacity: 1,
    consumers: 1,
    source: sourceModule<{ default: () => AsyncIterable<number> }>(
      new URL(`data:text/javascript,${encodeURIComponent(source)}`),
    ),
    handler: async (item: number) => {
      await turns(3)
      handled.push(item)
    },
  })
  await system.start()
  assertConservation(t, await system.finished)
  t.deepEqual(
    handled,
    Array.from({ length: 40 }, (_, n) => n),
  )
})

test('what is like a promise and calls back twice gives one item', async (t) => {
  let n = 0
  const next = (): PromiseLike<IteratorResult<number>> => {
    const result = n < 4 ? { done: false, value: n++ } : { done: true, value: undefined }
    const then = (call: (result: unknown) => void): void =>
      queueMicrotask(() => {
        call(result)
        call(result)
      })
    return { then } as unknown as PromiseLike<IteratorResult<number>>
  }
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    source: { [Symbol.asyncIterator]: () => ({ next }) } as AsyncIterable<number>,
    handler: (item) => void handled.push(item),
  })
  await system.start()
  assertConservation(t, await system.finished)
  t.deepEqual(handled, [0, 1, 2, 3])
})

test('an iterator that is told to return, and aborts the system at that, is told once', async (t) => {
  const controller = new AbortController()
  let returns = 0
  const iterator = {
    next: () => new Promise<IteratorResult<number>>(() => {}),
    return: async () => {
      returns++
      controller.abort(new Error('from return()'))
      return { done: true as const, value: undefined }
    },
  }
  const system = new ProducerConsumerSystem({
    source: { [Symbol.asyncIterator]: () => iterator },
    handler: (_: number) => {},
    signal: controller.signal,
  })
  await system.start()
  await system.stop()
  t.is(returns, 1)
})
