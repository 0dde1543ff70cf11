/** What code of an item's, or of options', does to the call that runs it. */

import test from 'ava'
import { Channel, DetachedError, ProducerConsumerSystem, select, UncloneableError } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'

/** An item that runs `act` when it is read. */
const acting = (act: () => void) => ({
  get a() {
    act()
    return 1
  },
})

const SENDS: Record<string, (channel: Channel, item: unknown) => unknown> = {
  send: (channel, item) => channel.send(item),
  'send of a priority': (channel, item) => channel.send(item, { key: 'k' }),
  sendMany: (channel, item) => channel.sendMany([1, item, 'text']),
  trySend: async (channel, item) => channel.trySend(item),
  select: (channel, item) => select([channel.sending(item)]),
}

for (const [name, send] of Object.entries(SENDS)) {
  test(`${name}: an item that disposes of its channel is refused, and nothing breaks later`, async (t) => {
    const channel = new Channel()
    const other = Channel.attach(channel.token)
    other[Symbol.dispose]()
    await t.throwsAsync(
      async () =>
        send(
          channel,
          acting(() => channel[Symbol.dispose]()),
        ),
      {
        instanceOf: DetachedError,
        code: 'ERR_MILLRACE_DETACHED',
      },
    )
    // What was left undone would be done by now.
    await turn()
  })

  test(`${name}: an item that aborts its channel is refused, and what was queued comes back`, async (t) => {
    const channel = new Channel()
    await channel.send('queued')
    let queued: unknown[] = []
    const item = acting(() => {
      queued = channel.abort(new Error('from an item'))
    })
    await t.throwsAsync(async () => send(channel, item), { code: 'ERR_MILLRACE_ABORTED' })
    t.deepEqual(queued, ['queued'])
  })
}

for (const [name, call] of Object.entries({
  send: (channel, options) => channel.send(1, options),
  receive: (channel, options) => channel.receive(options),
  receiveMany: (channel, options) => channel.receiveMany(5, options),
  lease: (channel, options) => channel.lease(options),
} satisfies Record<string, (channel: Channel, options: object) => Promise<unknown>>)) {
  test(`${name}: options that dispose of the channel are the end of the call`, async (t) => {
    const channel = new Channel()
    const options = {
      get timeout() {
        channel[Symbol.dispose]()
        return 60_000
      },
    }
    await t.throwsAsync(call(channel, options), { instanceOf: DetachedError })
    await turn()
  })
}

test('each option is read once', async (t) => {
  const channel = new Channel()
  const read: string[] = []
  const options = {
    get signal() {
      read.push('signal')
      return read.length > 2 ? ({} as AbortSignal) : new AbortController().signal
    },
    get timeout() {
      read.push('timeout')
      return read.length > 2 ? Number.NaN : 1
    },
  }
  await t.throwsAsync(channel.receive(options), { code: 'ERR_MILLRACE_TIMEOUT' })
  t.deepEqual(read, ['signal', 'timeout'])
})

test('options of a class, such as an AbortController for its signal, are read like others', async (t) => {
  const channel = new Channel<number>({ capacity: 1 })
  await channel.send(1)
  const controller = new AbortController()
  const waits = [channel.send(2, controller), channel.sendMany([2], controller)]
  controller.abort(new Error('enough'))
  for (const wait of waits) await t.throwsAsync(wait, { message: 'enough' })
  t.is(channel.stats().waitingSends, 0)
})

test('what an option throws when it is read comes out as it is, and nothing was sent', async (t) => {
  const channel = new Channel()
  const system = new ProducerConsumerSystem({ handler: (_: unknown) => {} })
  for (const option of ['signal', 'timeout', 'priority', 'key']) {
    const thrown = new Error(option)
    const options = Object.defineProperty({}, option, {
      enumerable: true,
      get() {
        throw thrown
      },
    })
    t.is(await t.throwsAsync(channel.send(1, options)), thrown)
    t.is(await t.throwsAsync(system.send(1, options)), thrown)
  }
  t.is(channel.length, 0)
  t.is((await system.stop()).produced, 0)
})

test('a signal that an item aborts ends the wait of its own send', async (t) => {
  const channel = new Channel<unknown>({ capacity: 1 })
  await channel.send('full')
  const reason = new Error('from an item')
  for (const send of ['send', 'sendMany'] as const) {
    const controller = new AbortController()
    const { signal } = controller
    const item = acting(() => controller.abort(reason))
    const sent = send === 'send' ? channel.send(item, { signal }) : channel.sendMany([item], { signal })
    t.is(await t.throwsAsync(sent), reason)
  }
  t.is(channel.stats().waitingSends, 0)
  t.deepEqual(await channel.receive(), 'full')
})

test('getters that send what can not travel, level below level, take no more than that', (t) => {
  const LEVELS = 14
  const channel = new Channel()
  let runs = 0
  const refused = (level: number): object => ({
    get a() {
      runs++
      if (level > 0) t.throws(() => channel.trySend(refused(level - 1)), { instanceOf: UncloneableError })
      return 1
    },
    b() {},
  })
  const error = t.throws(() => channel.trySend(refused(LEVELS)), { instanceOf: UncloneableError })
  t.is(error?.path, 'item.b')
  // Twice as many for each level would be 2^14.
  t.true(runs < LEVELS ** 2, `${runs} runs`)
})

const SHORTENED: Record<string, (list: unknown[]) => unknown[]> = {
  numbers: (list) => [1, shortened(list, 2), 3, 4],
  texts: (list) => ['a', shortened(list, 'b'), 'c', 'd'],
}

/** Gives `value`, and leaves two elements in `list`. */
function shortened(list: unknown[], value: unknown): PropertyDescriptor {
  return {
    enumerable: true,
    configurable: true,
    get() {
      list.length = 2
      return value
    },
  }
}

for (const [what, make] of Object.entries(SHORTENED)) {
  test(`${what}, one of which shortens its array, never become what was sent before`, async (t) => {
    const channel = new Channel()
    const before = Array.from({ length: 4 }, (_, n) => (what === 'texts' ? `old ${n}` : n + 1000))
    await channel.sendMany(before)
    t.deepEqual(await channel.receiveMany(10), before)
    const list: unknown[] = []
    make(list).forEach((part, index) => {
      if (typeof part === 'object') Object.defineProperty(list, index, part as PropertyDescriptor)
      else list[index] = part
    })
    await channel.sendMany(list)
    t.deepEqual(await channel.receiveMany(10), make([]).slice(0, 2).map(plain))
  })

  test(`${what} in a proxy whose length lies are what it shows`, async (t) => {
    const channel = new Channel()
    const list = what === 'texts' ? ['a', 'b', 'c'] : [1, 2, 3]
    let looks = 0
    const lying = new Proxy<unknown[]>(list, {
      get: (target, key) => (key === 'length' && looks++ > 0 ? 0 : Reflect.get(target, key)),
    })
    await channel.sendMany(lying)
    const received = channel.length === 0 ? [] : await channel.receiveMany(10)
    t.deepEqual(received, list.slice(0, received.length))
  })
}

function plain(part: unknown): unknown {
  return typeof part === 'object' ? (part as PropertyDescriptor).get?.call(undefined) : part
}

test('large bytes that a later element takes away are refused, and never empty', async (t) => {
  const channel = new Channel()
  const bytes = new Uint8Array(100_000).fill(7)
  const list: unknown[] = [bytes]
  Object.defineProperty(list, 1, {
    enumerable: true,
    get() {
      if (bytes.length > 0) structuredClone(bytes, { transfer: [bytes.buffer] })
      return new Uint8Array(100_000)
    },
  })
  await t.throwsAsync(channel.sendMany(list), { instanceOf: UncloneableError })
  t.is(channel.length, 0)
})

test('bytes of a buffer that shrinks meanwhile are what they were when they were read', async (t) => {
  const channel = new Channel<unknown>()
  const buffer = resizable(70_000)
  const bytes = new Uint8Array(buffer).fill(7)
  await channel.sendMany([bytes, acting(() => buffer.resize(10)), bytes])
  t.deepEqual(await channel.receive(), new Uint8Array(70_000).fill(7))
  t.deepEqual(await channel.receive(), { a: 1 })
  t.deepEqual(await channel.receive(), new Uint8Array(10).fill(7))
})

test('a view whose buffer has shrunk under it is refused as structured clone does, and never empty', async (t) => {
  const buffer = resizable(100)
  const [bytes, numbers, data] = [
    new Uint8Array(buffer, 50),
    new Float64Array(buffer, 0, 8),
    new DataView(buffer, 0, 60),
  ]
  const [tracking, empty] = [new Uint8Array(buffer), new Uint8Array(buffer, 0, 0)]
  const last = new Uint8Array(buffer, 16, 84)
  buffer.resize(16)
  const channel = new Channel<unknown>()
  for (const view of [bytes, numbers, data, last]) {
    for (const item of [view, { view }, new Map([[1, view]])]) {
      t.throws(() => structuredClone(item), { any: true })
      await t.throwsAsync(channel.send(item), { instanceOf: UncloneableError })
      await t.throwsAsync(channel.sendMany([1, item]), { instanceOf: UncloneableError })
    }
  }
  t.is(channel.length, 0)
  await channel.sendMany([tracking, empty])
  t.deepEqual(await channel.receiveMany(2), [new Uint8Array(16), new Uint8Array()])
})

function resizable(length: number): ArrayBuffer & { resize(length: number): void } {
  return Reflect.construct(ArrayBuffer, [length, { maxByteLength: length }])
}

test('a getter that stops, aborts or fills its own system', async (t) => {
  const seen: unknown[] = []
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => void seen.push(item) })
  await system.start()
  await system.sendMany([1, acting(() => void system.trySend('within')), 2])
  const stopping: Promise<unknown>[] = []
  await t.throwsAsync(system.send(acting(() => stopping.push(system.stop()))), {
    code: 'ERR_MILLRACE_CLOSED',
  })
  const report = (await stopping[0]) as Awaited<ReturnType<typeof system.stop>>
  assertConservation(t, report)
  t.deepEqual(seen, ['within', 1, { a: 1 }, 2])
})

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

for (const [capacity, sends] of [
  [3, 1],
  [1000, 31],
  [1000, 32],
  [1000, 33],
] as const) {
  test(`sendMany: an item that sends ${sends} others into a channel of ${capacity} loses none of them`, async (t) => {
    const channel = new Channel({ capacity })
    const inner: Promise<void>[] = []
    const many = channel.sendMany([
      acting(() => {
        while (inner.length < sends) inner.push(channel.send(inner.length))
      }),
    ])
    const bystander = channel.send('bystander')
    const received: unknown[] = []
    while (received.length < sends + 2) received.push(await channel.receive())
    t.deepEqual(received, [...inner.keys(), { a: 1 }, 'bystander'])
    await Promise.all([...inner, many, bystander])
    t.is(channel.length, 0)
  })
}

test('run: options that run another item give each of both its own result', async (t) => {
  const system = new ProducerConsumerSystem({
    consumers: 3,
    handler: async (item: string) => `result of ${item}`,
  })
  await system.start()
  let a: Promise<string> | undefined
  const b = system.run('b', {
    get timeout() {
      a ??= system.run('a')
      return 5000
    },
  })
  const c = system.run('c')
  t.deepEqual(await Promise.all([a, b, c]), ['result of a', 'result of b', 'result of c'])
  assertConservation(t, await system.stop())
})

test('run: what hears of a drop and runs others gives each its own result', async (t) => {
  const more: Promise<string>[] = []
  let dropped = false
  const system = new ProducerConsumerSystem({
    capacity: 2,
    consumers: 1,
    overflow: 'drop-oldest',
    onDrop: () => {
      if (dropped) return
      dropped = true
      more.push(system.run('x'), system.run('y', { timeout: 5000 }), system.run('z'))
    },
    handler: async (item: string) => `result of ${item}`,
  })
  const runs = ['a', 'b', 'c'].map((item) => system.run(item))
  const settled = Promise.allSettled(runs)
  await system.start()
  await system.idle()
  const all = [...(await settled), ...(await Promise.allSettled(more))]
  t.is(all.length, 6)
  for (const [index, outcome] of all.entries()) {
    if (outcome.status === 'fulfilled') t.is(outcome.value, `result of ${'abcxyz'[index]}`)
  }
  assertConservation(t, await system.stop())
})

test('select: an item that changes the array of cases changes nothing', async (t) => {
  for (const change of [
    (cases: unknown[]) => cases.splice(0),
    (cases: unknown[]) => {
      cases[1] = 7
    },
  ]) {
    const channel = new Channel()
    const cases: [ReturnType<Channel['sending']>, ReturnType<Channel['receiving']>] = [
      channel.sending(acting(() => change(cases))),
      new Channel().receiving(),
    ]
    t.like(await select(cases), { index: 0 })
    t.deepEqual(await channel.receive(), { a: 1 })
  }
})

test('sendMany of a system with keys: what the array does meanwhile changes nothing', async (t) => {
  class Odd extends Array<number> {
    static override get [Symbol.species](): ArrayConstructor {
      return Object as unknown as ArrayConstructor
    }
  }
  const handled: number[] = []
  let grown: number[] = []
  const system = new ProducerConsumerSystem({
    consumers: 3,
    key: () => {
      if (grown.length < 8) grown.push(0)
      return 'k'
    },
    handler: (item: number) => void handled.push(item),
  })
  await system.start()
  grown = [1, 2]
  await system.sendMany(grown)
  await system.sendMany(Odd.from([3, 4]))
  await system.idle()
  t.deepEqual(handled, [1, 2, 3, 4])
  assertConservation(t, await system.stop())
})

test('idle: a time-out is read once', async (t) => {
  const system = new ProducerConsumerSystem({ handler: () => new Promise(() => {}) })
  await system.start()
  await system.send(1)
  let reads = 0
  const options = {
    get timeout() {
      return reads++ === 0 ? 10 : Number.NaN
    },
  }
  await t.throwsAsync(system.idle(options), { message: /within 10 ms/ })
  await system.abort()
})

test("a filter of dead letters gets nothing but the letter, and can't change what is kept", async (t) => {
  const system = new ProducerConsumerSystem({
    handler: () => {
      throw new Error('no')
    },
  })
  await system.start()
  await system.sendMany([1, 2])
  await system.idle()
  const given: number[] = []
  system.deadLetters.discard((...all: unknown[]) => given.push(all.length) < 0)
  await system.deadLetters.redrive((...all: unknown[]) => given.push(all.length) < 0)
  t.deepEqual(given, [1, 1, 1, 1])
  t.is(system.deadLetters.size, 2)
  assertConservation(t, await system.stop())
})
