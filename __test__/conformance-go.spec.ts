/**
 * What Go promises of channels, in JavaScript and across its threads; native/core/tests/conformance_go.rs has the rest.
 *
 * | difference, on purpose | Go | here |
 * | --- | --- | --- |
 * | the end | the zero value and `false` | `ClosedError`, `[]`, or a loop that ends |
 * | a send after a close | panics | rejects with `ClosedError` |
 * | a send that waits at a close | panics | completes |
 * | a second close | panics | does nothing |
 * | select, default | a case | `timeout: 0`, which rejects |
 * | nil channels | block for ever | there are none |
 */

import { Channel, ClosedError, select, TimeoutError } from '../src/index.js'
import { turns, until } from './helpers/gate.js'
import { promises } from './helpers/promises.js'
import { Thread } from './helpers/worker.js'

/** Says the code of the error that each kind of receive ends with, or what it gives in its place. */
const ALL_RECEIVES = `const channel = Channel.attach(data)
  const code = (error) => error.code
  const loop = async () => { for await (const _ of channel) throw new Error('an item'); return 'ended' }
  const waits = [
    channel.receive().catch(code),
    channel.receiveMany(3),
    loop(),
    channel.lease().catch(code),
    library.select([channel.receiving()]).then(({ done }) => done),
  ]
  setImmediate(() => say('waits'))
  say(await Promise.all(waits))
  try { channel.receiveSync() } catch (error) { say(error.code) }`

promises('Go spec, Close', 'every receive that waits, in every thread, is given the end', async (t) => {
  const channel = new Channel<never>()
  const threads = [0, 1, 2].map(() => new Thread(t, ALL_RECEIVES, channel.token))
  const here = [channel.receive(), channel.receive()]
  for (const thread of threads) t.is(await thread.said(), 'waits')
  channel.close()
  for (const receive of here) await t.throwsAsync(receive, { instanceOf: ClosedError })
  const closed = 'ERR_MILLRACE_CLOSED'
  for (const thread of threads) {
    t.deepEqual(await thread.said(), [closed, [], 'ended', closed, true])
    t.is(await thread.said(), closed)
  }
})

promises('Go spec, Close', 'once all is received, receives give the end at once, for ever', async (t) => {
  const channel = new Channel<number>()
  await channel.sendMany([1, 2])
  channel.close()
  t.deepEqual([await channel.receive(), await channel.receive()], [1, 2])
  for (let round = 0; round < 100; round++) {
    await t.throwsAsync(channel.receive({ timeout: 0 }), { instanceOf: ClosedError })
    t.deepEqual(await channel.receiveMany(3, { timeout: 0 }), [])
    t.throws(() => channel.tryReceive(), { instanceOf: ClosedError })
    t.deepEqual(await channel[Symbol.asyncIterator]().next(), { done: true, value: undefined })
    t.true((await select([channel.receiving()], { timeout: 0 })).done)
  }
})

promises(
  'Go spec, Close',
  'nothing is sent after it; here sends reject, and to close again is fine',
  async (t) => {
    const channel = new Channel<number>()
    channel.close()
    channel.close()
    await t.throwsAsync(channel.send(1), { instanceOf: ClosedError })
    await t.throwsAsync(channel.sendMany([1]), { instanceOf: ClosedError })
    await t.throwsAsync(select([channel.sending(1)]), { instanceOf: ClosedError })
    t.throws(() => channel.trySend(1), { instanceOf: ClosedError })
    t.is(channel.length, 0)
  },
)

promises('Go spec, Close', 'sends that wait would panic; here they complete, in every thread', async (t) => {
  const channel = new Channel<number>({ capacity: 1 })
  await channel.send(0)
  const sends = [channel.send(1), channel.sendMany([2, 3])]
  const source = `const channel = Channel.attach(data.token)
    channel.sendSync(data.item)
    say('sent')`
  const threads = [4, 5].map((item) => new Thread(t, source, { token: channel.token, item }))
  await until(() => channel.stats().waitingSends === 4)
  channel.close()
  const received: number[] = []
  for await (const item of channel) received.push(item)
  t.deepEqual(received.sort(), [0, 1, 2, 3, 4, 5])
  await Promise.all(sends)
  for (const thread of threads) t.is(await thread.said(), 'sent')
})

promises('Go spec, For range', 'a loop gets what was sent until the close, in every thread', async (t) => {
  const channel = new Channel<number>({ capacity: 3 })
  const source = `const seen = []
    for await (const item of Channel.attach(data)) seen.push(item)
    say(seen)`
  const threads = [0, 1, 2].map(() => new Thread(t, source, channel.token))
  const here = (async () => {
    const seen: number[] = []
    for await (const item of channel) seen.push(item)
    return seen
  })()
  const items = [...Array(500).keys()]
  for (const item of items) await channel.send(item)
  channel.close()
  const seen = [await here, ...(await Promise.all(threads.map((thread) => thread.said<number[]>())))]
  for (const list of seen)
    t.deepEqual(
      list,
      list.toSorted((a, b) => a - b),
    )
  t.deepEqual(
    seen.flat().sort((a, b) => a - b),
    items,
  )
})

promises('Go spec, Channel types', 'what one thread sends is received in that order', async (t) => {
  const channel = new Channel<number>({ capacity: 10 })
  new Thread(
    t,
    `const channel = Channel.attach(data)
    for (let n = 0; n < 300; n++) n % 3 === 0 ? channel.sendSync(n) : void channel.send(n)
    channel.close()`,
    channel.token,
  )
  const received: number[] = []
  for await (const item of channel) received.push(item)
  t.deepEqual(received, [...Array(300).keys()])
})

promises(
  'Go spec, Send statements',
  'a send proceeds where there is room, and waits where not',
  async (t) => {
    const channel = new Channel<number>({ capacity: 2 })
    await channel.send(0)
    await channel.send(1)
    let sent = false
    const waits = channel.send(2).then(() => {
      sent = true
    })
    await turns(3)
    t.false(sent)
    t.is(await channel.receive(), 0)
    await waits
    t.deepEqual([await channel.receive(), await channel.receive()], [1, 2])
  },
)

promises('Go spec, Length and capacity', 'how many are queued, and how many there is room for', async (t) => {
  const channel = new Channel<number>({ capacity: 5 })
  await channel.sendMany([1, 2, 3])
  t.deepEqual([channel.length, channel.capacity], [3, 5])
})

promises('Go spec, Select statements', 'of the cases that can proceed, any is as likely', async (t) => {
  const ROUNDS = 1000
  const channels = [new Channel<number>(), new Channel<number>(), new Channel<number>()]
  const chosen = [0, 0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    for (const channel of channels) if (channel.length === 0) channel.trySend(round)
    const { index } = await select(channels.map((channel) => channel.receiving()))
    chosen[index] = (chosen[index] as number) + 1
  }
  // A fair one is off by more than 7 of its standard deviations once in a hundred billion.
  const [mean, deviation] = [ROUNDS / 3, Math.sqrt((ROUNDS * 2) / 9)]
  for (const times of chosen) t.true(Math.abs(times - mean) < 7 * deviation, `${chosen}`)
})

promises('Go spec, Select statements', 'a channel that was closed is ready, again and again', async (t) => {
  const [open, closed] = [new Channel<number>(), new Channel<number>()]
  closed.close()
  for (let round = 0; round < 20; round++) {
    const selected = await select([open.receiving(), closed.receiving()])
    t.deepEqual(selected, { index: 1, done: true, value: undefined })
  }
})

promises(
  'Go spec, Select statements',
  'without a case that can proceed, the default runs, or it waits',
  async (t) => {
    const [empty, full] = [new Channel<number>(), new Channel<number>({ capacity: 1 })]
    await full.send(1)
    const cases = () => [empty.receiving(), full.sending(2)] as const
    await t.throwsAsync(select(cases(), { timeout: 0 }), { instanceOf: TimeoutError })
    const waits = select(cases())
    await turns(3)
    t.is(full.stats().waitingSends, 1)
    await empty.send(3)
    t.deepEqual(await waits, { index: 0, done: false, value: 3 })
    t.deepEqual([await full.receive(), full.length, full.stats().waitingSends], [1, 0, 0])
  },
)

promises('Go spec, Select statements', 'what a case sends is evaluated once, on entering', async (t) => {
  const channel = new Channel<{ n: number }>({ capacity: 1 })
  await channel.send({ n: 0 })
  const item = { n: 1 }
  const waits = select([channel.sending(item)])
  item.n = 2
  t.deepEqual(await channel.receive(), { n: 0 })
  await waits
  t.deepEqual(await channel.receive(), { n: 1 })
})

promises(
  'Go memory model, the kth receive and the k+Cth send',
  'a channel of capacity C lets C threads in at once',
  async (t) => {
    const tokens = new Channel<number>({ capacity: 2 })
    const memory = new SharedArrayBuffer(8)
    const [inside, work] = [new Int32Array(memory, 0, 1), new Int32Array(memory, 4, 1)]
    const source = `const tokens = Channel.attach(data.token)
      const [inside, work] = [new Int32Array(data.memory, 0, 1), new Int32Array(data.memory, 4, 1)]
      let most = 0
      for (let n = 0; n < 300; n++) {
        tokens.sendSync(n)
        most = Math.max(most, Atomics.add(inside, 0, 1) + 1)
        Atomics.add(work, 0, 1)
        Atomics.sub(inside, 0, 1)
        tokens.receiveSync()
      }
      say(most)`
    const threads = [0, 1, 2, 3].map(() => new Thread(t, source, { token: tokens.token, memory }))
    for (const thread of threads) t.true((await thread.said<number>()) <= 2)
    t.deepEqual([inside[0], work[0], tokens.length], [0, 1200, 0])
  },
)
