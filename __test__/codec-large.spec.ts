import test from 'ava'
import * as fc from 'fast-check'
import { LARGE_BYTES } from '../src/codec/large.js'
import { Channel, hash, ProducerConsumerSystem, select, UncloneableError } from '../src/index.js'
import { assertSaid, runFile } from './helpers/program.js'

const LONG = process.env.MILLRACE_LONG === '1'

const large = (count: number, length = 64 * 1024) =>
  Array.from({ length: count }, (_, index) => new Uint8Array(length).fill(index + 1))

type Way = (channel: Channel<Uint8Array>) => Promise<Uint8Array | undefined>

/** The ways out of a channel. */
const WAYS: Record<string, Way> = {
  receive: (channel) => channel.receive(),
  receiveMany: async (channel) => (await channel.receiveMany(1))[0],
  tryReceive: async (channel) => channel.tryReceive()?.value,
  select: async (channel) => {
    const { value } = await select([channel.receiving()])
    return value as Uint8Array
  },
  iteration: async (channel) => {
    for await (const item of channel) return item
    return undefined
  },
  lease: async (channel) => {
    const lease = await channel.lease()
    lease.settle()
    return lease.item
  },
}

for (const [way, take] of Object.entries(WAYS)) {
  test(`large bytes arrive in memory of their own by ${way}`, async (t) => {
    const items = large(5)
    const channel = new Channel<Uint8Array>()
    await channel.sendMany(items)
    const received: Uint8Array[] = []
    for (const item of items) {
      const one = (await take(channel)) as Uint8Array
      t.deepEqual(one, item)
      t.is(Object.getPrototypeOf(one), Uint8Array.prototype)
      t.is(one.buffer.byteLength, one.length)
      received.push(one)
    }
    // What one does with its memory is no other's business.
    received[0]?.fill(0)
    t.deepEqual(received.slice(1), items.slice(1))
    t.deepEqual(items[0], new Uint8Array(64 * 1024).fill(1))
    t.is(new Set(received.map(({ buffer }) => buffer)).size, items.length)
  })
}

test('bytes of any size arrive as they were, however they are cut', async (t) => {
  const size = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: LARGE_BYTES - 1, max: 80_000 }))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ arbitrary: size, weight: 9 }, { arbitrary: fc.constant('text'), weight: 1 }), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      async (sizes, sent, taken, leased) => {
        const items = sizes.map((size, n) => (typeof size === 'string' ? size : new Uint8Array(size).fill(n)))
        const channel = new Channel<unknown>()
        for (let at = 0; at < items.length; at += sent) await channel.sendMany(items.slice(at, at + sent))
        channel.close()
        const received: unknown[] = []
        while (received.length < items.length) {
          if (leased && received.length % 3 === 0) {
            const lease = await channel.lease()
            lease.settle()
            received.push(lease.item)
          } else received.push(...(await channel.receiveMany(taken)))
        }
        t.deepEqual(received, items)
      },
    ),
    { numRuns: 100 },
  )
})

test('what a lease gave can be changed, and comes again as it was sent', async (t) => {
  const [item] = large(1) as [Uint8Array]
  const channel = new Channel<Uint8Array>()
  await channel.sendMany([item])
  const first = await channel.lease()
  first.item.fill(9)
  first.retry()
  const second = await channel.lease()
  t.deepEqual(second.item, item)
  second.settle()
  t.deepEqual(first.item, new Uint8Array(64 * 1024).fill(9))
})

test('native tasks see large bytes, and handlers get them', async (t) => {
  const items = large(8, 100_000)
  const system = new ProducerConsumerSystem<Uint8Array, string>({ handler: hash('sha256'), results: true })
  await system.start()
  await system.sendMany(items)
  const digests = await Promise.all(items.map((item) => system.run(item)))
  await system.stop()
  t.is(new Set(digests).size, items.length)
  const results: string[] = []
  for await (const result of system.results()) results.push(result)
  t.deepEqual(results.sort(), digests.sort())

  const handled: Uint8Array[] = []
  const calling = new ProducerConsumerSystem({ handler: (item: Uint8Array) => void handled.push(item) })
  await calling.sendMany(items)
  await calling.start()
  await calling.stop()
  t.deepEqual(handled, items)
})

test('a report and a dropped item bring large bytes back', async (t) => {
  const items = large(3)
  const system = new ProducerConsumerSystem({ handler: (item: Uint8Array) => item.length })
  await system.sendMany(items)
  t.deepEqual((await system.stop()).unprocessed, items)

  const dropped: Uint8Array[] = []
  const channel = new Channel<Uint8Array>({
    capacity: 2,
    overflow: 'drop-oldest',
    onDrop: (item) => void dropped.push(item),
  })
  await channel.sendMany(items.slice(0, 2))
  await channel.sendMany(items.slice(2))
  t.deepEqual(dropped, items.slice(0, 1))
  t.deepEqual(await channel.abort(), items.slice(1))
})

test('any view of bytes is copied as it is seen', async (t) => {
  const all = Uint8Array.from({ length: 200_000 }, (_, index) => index % 251)
  const shared = new Uint8Array(new SharedArrayBuffer(70_000))
  shared.set(all.subarray(0, 70_000))
  const odd = Object.defineProperty(all.slice(0, 70_000), 'length', { value: 1 })
  const items = [all.subarray(1, 70_001), Buffer.from(all.subarray(5, 90_005)), shared, odd]
  const channel = new Channel<Uint8Array>()
  await channel.sendMany(items)
  const received = await channel.receiveMany(4)
  t.deepEqual(received, [
    all.slice(1, 70_001),
    all.slice(5, 90_005),
    all.slice(0, 70_000),
    all.slice(0, 70_000),
  ])

  const detached = new Uint8Array(70_000)
  structuredClone(detached, { transfer: [detached.buffer] })
  await t.throwsAsync(channel.sendMany([all, detached]), { instanceOf: UncloneableError })
  await channel.sendMany([all, new Uint8Array()])
  t.deepEqual(await channel.receiveMany(4), [all, new Uint8Array()])
})

test('what was received outlives its channel', async (t) => {
  const items = large(4)
  const channel = new Channel<Uint8Array>()
  await channel.sendMany(items)
  const received = await channel.receiveMany(4)
  channel.close()
  channel[Symbol.dispose]()
  const other = new Channel<Uint8Array>()
  await other.sendMany(large(4).map((item) => item.fill(77)))
  t.deepEqual(received, items)
})

const PROGRAM = `
  const { Channel } = await import(library)
  const { Worker, isMainThread, parentPort, workerData } = await import('node:worker_threads')
  const { once } = await import('node:events')
  const SIZE = 64 * 1024
  const filled = (n) => { const bytes = new Uint8Array(SIZE); new Uint32Array(bytes.buffer).fill(n); return bytes }
  const holds = (bytes, n) => {
    const words = new Uint32Array(bytes.buffer)
    for (let at = 0; at < words.length; at += 61) if (words[at] !== n) return false
    return bytes.length === SIZE && words.at(-1) === n
  }
  const MiB = 1024 * 1024
  const rss = () => process.memoryUsage.rss() / MiB
`

test('memory goes back, and what a receiver keeps stays as it was while other memory is used again', async (t) => {
  const batches = LONG ? 3000 : 400
  const ended = await runFile(
    t,
    `${PROGRAM}
    if (isMainThread) {
      const channel = new Channel({ capacity: 200 })
      const worker = new Worker(new URL(import.meta.url), { workerData: channel.token })
      let before
      for (let batch = 0; batch < ${batches}; batch++) {
        await channel.sendMany(Array.from({ length: 100 }, (_, i) => filled(batch * 100 + i)))
        if (batch === 100) before = rss()
      }
      channel.close()
      const [sound] = await once(worker, 'message')
      const grown = rss() - before
      console.log(sound, grown < 300 ? 'bounded' : 'grew by ' + grown + ' MiB')
    } else {
      const channel = Channel.attach(workerData)
      const kept = new Map()
      let n = 0, sound = true
      for (let batch = await channel.receiveMany(150); batch.length > 0; batch = await channel.receiveMany(150)) {
        for (const bytes of batch) {
          sound &&= holds(bytes, n)
          // Some are kept for long, some for a while.
          if (n % 97 === 0) kept.set(n, bytes)
          if (n % 2000 === 1999) {
            for (const [place, bytes] of kept) sound &&= holds(bytes, place)
            for (const place of kept.keys()) if (place % 5 !== 0 || place < n - 20_000) kept.delete(place)
          }
          n++
        }
      }
      for (const [place, bytes] of kept) sound &&= holds(bytes, place)
      parentPort.postMessage(sound && n === ${batches * 100})
    }`,
    ['--expose-gc'],
  )
  assertSaid(t, ended, 'true bounded')
})

test('a worker that is terminated with large bytes in its hands neither crashes nor leaks', async (t) => {
  const ended = await runFile(
    t,
    `${PROGRAM}
    if (isMainThread) {
      let before
      for (let round = 0; round < 25; round++) {
        const channel = new Channel({ capacity: 1000 })
        const worker = new Worker(new URL(import.meta.url), { workerData: channel.token })
        for (let n = 0; n < 400; n += 100)
          await channel.sendMany(Array.from({ length: 100 }, (_, i) => filled(n + i)))
        const [sound] = await once(worker, 'message')
        if (!sound) console.log('spoiled')
        await worker.terminate()
        await channel.abort()
        channel[Symbol.dispose]()
        globalThis.gc()
        if (round === 5) before = rss()
      }
      const grown = rss() - before
      console.log(grown < 100 ? 'bounded' : 'grew by ' + grown + ' MiB')
    } else {
      const channel = Channel.attach(workerData)
      globalThis.held = await channel.receiveMany(100)
      for await (const bytes of channel) {
        globalThis.held.push(bytes)
        if (globalThis.held.length === 200) break
      }
      parentPort.postMessage(globalThis.held.every((bytes, n) => holds(bytes, n)))
      setInterval(() => {}, 1000)
    }`,
    ['--expose-gc'],
  )
  assertSaid(t, ended, 'bounded')
})

test('what is received can be handed on by a transfer, or refuses it, and stays as it was', async (t) => {
  const items = large(3)
  const channel = new Channel<Uint8Array<ArrayBuffer>>()
  await channel.sendMany(items)
  for (const item of items) {
    const bytes = await channel.receive()
    let copy: Uint8Array | undefined
    try {
      copy = structuredClone(bytes, { transfer: [bytes.buffer] })
    } catch (error) {
      t.is((error as Error).name, 'DataCloneError')
    }
    t.deepEqual(copy ?? bytes, item)
    t.deepEqual(bytes, item)
  }
})
