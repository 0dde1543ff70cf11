import test from 'ava'
import { Channel, InvalidOptionError } from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { Random } from './helpers/random.js'
import { Thread } from './helpers/worker.js'

test('while one of a key is leased the others of it wait, and no other', async (t) => {
  const channel = new Channel<string>({ capacity: 5 })
  await channel.sendMany(['a1', 'a2'], { key: 'a' })
  await channel.send('b1', { key: 'b' })
  await channel.send('x')
  await channel.send('a3', { key: 'a' })
  const a1 = await channel.lease()
  t.is(a1.item, 'a1')
  t.deepEqual(await channel.receiveMany(9), ['b1', 'x'])
  t.is(channel.tryReceive(), undefined)
  t.is(channel.length, 2, 'those that wait hold their room')
  a1.settle()
  // A plain receive settles what it gets.
  t.deepEqual(await channel.receiveMany(9), ['a2', 'a3'])
})

test('one that fails keeps its key until it is settled', async (t) => {
  const channel = new Channel<string>()
  await channel.sendMany(['a1', 'a2'], { key: 'a' })
  await channel.send('b1', { key: 'b' })
  for (let attempt = 1; attempt < 4; attempt++) {
    const lease = await channel.lease()
    t.deepEqual([lease.item, lease.attempt], ['a1', attempt])
    lease.retry()
  }
  const again = await channel.lease()
  t.deepEqual(await channel.receiveMany(9), ['b1'])
  again.settle()
  t.is(await channel.receive(), 'a2')
})

test('a loop gets the items of each key in their order, and gives back what it took ahead', async (t) => {
  const random = new Random(t)
  const channel = new Channel<[key: string, n: number]>()
  const next = new Map<string, number>()
  for (let n = 0; n < 900; n++) {
    const key = `key ${random.below(6)}`
    if (random.below(3) === 0) await channel.send(['none', n])
    else await channel.send([key, n], { key })
  }
  let seen = 0
  while (seen < 900) {
    for await (const [key, n] of channel) {
      t.true((next.get(key) ?? -1) < n, `${n} of ${key}`)
      next.set(key, n)
      seen++
      if (seen === 900 || random.below(40) === 0) break
    }
  }
  t.is(channel.length, 0)
})

test('keys are checked', async (t) => {
  const channel = new Channel<number>()
  for (const key of [1, null, Symbol('key'), {}, ['a']]) {
    const options = { key } as unknown as { key: string }
    for (const error of [
      await t.throwsAsync(channel.send(1, options), { instanceOf: InvalidOptionError }),
      await t.throwsAsync(channel.sendMany([1], options), { instanceOf: InvalidOptionError }),
      t.throws(() => channel.trySend(1, options), { instanceOf: InvalidOptionError }),
    ]) {
      t.is(error?.option, 'key')
    }
  }
  t.is(channel.length, 0)
  for (const key of ['', '\ud800', 'x'.repeat(100_000)]) await channel.send(1, { key })
  t.is((await channel.receiveMany(9)).length, 3)
})

const CONSUME = `
  const { Cells } = await import(data.cells)
  const cells = new Cells(data.memory)
  const channel = Channel.attach(data.token)
  const order = []
  let failures = 0
  const work = async () => {
    for (;;) {
      const lease = await channel.lease()
      const [key, n] = lease.item
      if (cells.count(key) !== 1) throw new Error('two of key ' + key + ' at once')
      await new Promise(setImmediate)
      Atomics.sub(new Int32Array(data.memory), key, 1)
      if (lease.attempt < 3 && (n * 7 + key) % 11 === 0) {
        failures++
        lease.retry()
        continue
      }
      order.push([key, n, Atomics.add(new Int32Array(data.memory), data.keys, 1)])
      lease.settle()
    }
  }
  try {
    await Promise.all([work(), work(), work()])
  } catch (error) {
    if (error.code !== 'ERR_MILLRACE_CLOSED') throw error
  }
  say({ order, failures })
`
const CELLS = new URL('./helpers/cells.js', import.meta.url).href

test('threads handle a key one at a time, in order, whatever fails', async (t) => {
  const random = new Random(t)
  const [keys, count] = [20, 3000]
  const channel = new Channel<[key: number, n: number]>({ capacity: 50, priorities: 2 })
  const memory = new Cells(keys + 1).memory
  const data = { token: channel.token, memory, keys, cells: CELLS }
  const threads = [0, 1, 2].map(() => new Thread(t, CONSUME, data))
  const sent = new Array(keys).fill(0)
  for (let n = 0; n < count; n++) {
    const key = random.below(keys)
    // All of a key in one priority: its order is that of the sends.
    await channel.send([key, sent[key]++], { key: `key ${key}`, priority: key % 2 })
  }
  channel.close()
  const said = await Promise.all(
    threads.map((thread) => thread.said<{ order: [number, number, number][]; failures: number }>()),
  )
  const order = said.flatMap(({ order }) => order).sort((a, b) => a[2] - b[2])
  t.is(order.length, count)
  const next = new Array(keys).fill(0)
  for (const [key, n] of order) t.is(n, next[key]++, `of key ${key}`)
  t.deepEqual(next, sent)
  t.true(said.reduce((sum, { failures }) => sum + failures, 0) > 0)
})

test('what a thread held when it died is the next of its key', async (t) => {
  const channel = new Channel<string>()
  await channel.sendMany(['a1', 'a2'], { key: 'a' })
  const thread = new Thread(
    t,
    `const lease = await Channel.attach(data.token).lease()
     say(lease.item)
     await heard()`,
    { token: channel.token },
  )
  t.is(await thread.said(), 'a1')
  t.is(channel.tryReceive(), undefined)
  const next = channel.lease()
  await thread.worker.terminate()
  const lease = await next
  t.deepEqual([lease.item, lease.attempt], ['a1', 2])
  t.is(channel.tryReceive(), undefined)
  lease.settle()
  t.is(await channel.receive(), 'a2')
})
