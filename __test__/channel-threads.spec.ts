import test from 'ava'
import { Channel } from '../src/index.js'
import { itemOf, numberOf } from './helpers/items.js'
import { Thread } from './helpers/worker.js'

const LONG = process.env.MILLRACE_LONG === '1'

const SEND = `
  const channel = Channel.attach(data.token)
  const ways = [
    async (from, to) => { for (let n = from; n < to; n++) await channel.send(itemOf(n)) },
    async (from, to) => {
      const sends = []
      for (let n = from; n < to; n++) {
        sends.push(channel.send(itemOf(n)))
        if (sends.length === 200) await Promise.all(sends.splice(0))
      }
      await Promise.all(sends)
    },
    async (from, to) => {
      for (let n = from; n < to; n += 77) {
        await channel.sendMany(Array.from({ length: Math.min(77, to - n) }, (_, i) => itemOf(n + i)))
      }
    },
    async (from, to) => {
      for (let n = from; n < to; n++) {
        const item = itemOf(n)
        if (n % 3 === 0) channel.sendSync(item)
        else if (!channel.trySend(item)) await channel.send(item)
      }
    },
  ]
  // A part at a time, so that every way meets the others.
  const parts = 10
  for (let part = 0; part < parts; part++) {
    const from = data.from + Math.floor(data.count * part / parts)
    await ways[(part + data.index) % 4](from, data.from + Math.floor(data.count * (part + 1) / parts))
  }
  say('sent')
`

const RECEIVE = `
  import { isDeepStrictEqual } from 'node:util'
  const channel = Channel.attach(data.token)
  const numbers = []
  const see = (item) => {
    const n = numberOf(item)
    if (!isDeepStrictEqual(item, itemOf(n))) throw new Error('not equal: ' + n)
    numbers.push(n)
  }
  const ways = [
    async () => { for await (const item of channel) { see(item); if (numbers.length % 500 === 0) return } },
    async () => { for (let i = 0; i < 100; i++) see(await channel.receive()) },
    async () => { for (let i = 0; i < 30; i++) (await channel.receiveMany(1 + i * 7)).forEach(see) },
    async () => { for (let i = 0; i < 100; i++) see(channel.receiveSync()) },
    async () => {
      for (let i = 0; i < 100; i++) {
        const lease = await channel.lease()
        if ((numbers.length + i) % 7 === 0 && lease.attempt < 3) {
          lease.retry()
          continue
        }
        see(lease.item)
        lease.settle()
      }
    },
    async () => { for (let i = 0; i < 100; i++) { const taken = channel.tryReceive(); if (taken) see(taken.value) } },
  ]
  let turn = data.index
  try {
    while (!channel.closed || channel.length > 0) await ways[turn++ % ways.length]()
    for (;;) see(await channel.receive())
  } catch (error) {
    if (error.code !== 'ERR_MILLRACE_CLOSED') throw error
  }
  say(numbers)
`

test('who has received what it waited for leaves nothing kept for it', async (t) => {
  const channel = new Channel<number>({ capacity: 2 })
  const once = new Thread(
    t,
    `const channel = Channel.attach(data)
    const received = channel.receive()
    say('waits')
    say(await received)
    await heard()`,
    channel.token,
  )
  t.is(await once.said(), 'waits')
  await channel.send(-1)
  t.is(await once.said(), -1)
  for (let n = 0; n < 1000; n++) {
    await channel.send(n)
    t.deepEqual(channel.tryReceive(), { value: n })
  }
})

test('four threads send and four receive items of many kinds: each once and equal', async (t) => {
  const orders = ['ssssrrrr', 'rrrrssss', 'srsrsrsr']
  const total = LONG ? 1_000_000 : 100_000
  for (const order of LONG ? orders : ['srrssrrs']) {
    const channel = new Channel<unknown>({ capacity: 1000 })
    const senders: Thread[] = []
    const receivers: Thread[] = []
    for (const role of order) {
      if (role === 's') {
        const index = senders.length
        const count = total / 4
        senders.push(new Thread(t, SEND, { token: channel.token, index, from: index * count, count }))
      } else {
        receivers.push(new Thread(t, RECEIVE, { token: channel.token, index: receivers.length }))
      }
    }
    const [received] = await Promise.all([
      Promise.all(receivers.map((receiver) => receiver.said<number[]>())).then((lists) => lists.flat()),
      Promise.all(senders.map((sender) => sender.said())).then(() => channel.close()),
    ])
    received.sort((a, b) => a - b)
    t.is(received.length, total)
    t.true(
      received.every((n, index) => n === index),
      'each once',
    )
    const { peakQueued, queued, leased, discarded } = channel.stats()
    t.true(peakQueued <= 1000, `peak ${peakQueued}`)
    t.deepEqual({ queued, leased, discarded }, { queued: 0, leased: 0, discarded: 0 })
  }
})

test('the bound is exact, however many threads send and hold credit', async (t) => {
  for (const capacity of [1, 3, 20]) {
    const channel = new Channel<number>({ capacity })
    const count = 2000
    const senders = [0, 1, 2, 3].map(
      (index) => new Thread(t, SEND, { token: channel.token, index, from: 0, count }),
    )
    let received = 0
    const receiver = (async () => {
      for await (const _ of channel) {
        received++
        if (channel.length > capacity) t.fail(`${channel.length} items in a channel of ${capacity}`)
      }
    })()
    await Promise.all(senders.map((sender) => sender.said()))
    channel.close()
    await receiver
    t.is(received, 4 * count)
    t.true(channel.stats().peakQueued <= capacity)
  }
})

test('a thread that sends little keeps no more room than before its burst', async (t) => {
  for (const [capacity, burst] of [
    [1000, 600],
    [400, 300],
  ] as const) {
    const channel = new Channel<string>({ capacity })
    const thread = new Thread(
      t,
      `const channel = Channel.attach(data.token)
      const turn = () => new Promise(setImmediate)
      for (let n = 0; n < data.burst; n++) void channel.send('burst')
      await turn()
      for (let n = 0; n < 10; n++) {
        void channel.send('single')
        await turn()
      }
      // What is held for this one is held as long as its turn.
      void channel.send('last')
      say('holds')
      for (;;);`,
      { token: channel.token, burst },
    )
    await thread.said()
    let received = 0
    while (channel.tryReceive()) received++
    t.is(received, burst + 10)
    let room = 0
    while (channel.trySend('other')) room++
    t.is(room, capacity - 32)
    await thread.worker.terminate()
  }
})

test('items of one thread arrive in the order of its calls', async (t) => {
  const channel = new Channel<unknown>({ capacity: 50 })
  const count = 10_000
  const senders = [0, 1, 2].map(
    (index) => new Thread(t, SEND, { token: channel.token, index, from: index * count, count }),
  )
  const next = [0, count, 2 * count]
  const receiver = (async () => {
    for await (const item of channel) {
      const n = numberOf(item)
      const sender = Math.floor(n / count)
      if (n !== next[sender]) t.fail(`${n} in place of ${next[sender]}`)
      next[sender] = n + 1
      t.deepEqual(item, itemOf(n))
    }
  })()
  await Promise.all(senders.map((sender) => sender.said()))
  channel.close()
  await receiver
  t.deepEqual(next, [count, 2 * count, 3 * count])
})

test('no item waits behind the loop of another thread', async (t) => {
  const channel = new Channel<number>()
  // Quick at first, so that it takes many ahead; then it blocks its thread with most of them unseen.
  const slow = new Thread(
    t,
    `const channel = Channel.attach(data.token)
    let seen = 0
    for await (const item of channel) {
      if (++seen === 500) {
        say(seen)
        Atomics.wait(data.gate, 0, 0)
      }
    }
    say(seen)`,
    { token: channel.token, gate: new Int32Array(new SharedArrayBuffer(4)) },
  )
  await channel.sendMany(new Array(1000).fill(1))
  t.is(await slow.said(), 500)
  for (let n = 500; n < 1000; n++) await channel.receive()
  t.is(channel.tryReceive(), undefined)
  await slow.worker.terminate()
  t.is(channel.length, 0)
})

test('a thread that ends gives back what it has not handed over and not settled', async (t) => {
  const seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 1_000_000)
  t.log(`MILLRACE_SEED=${seed}`)
  let state = seed
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state % n
  }
  for (let round = 0; round < (LONG ? 200 : 15); round++) {
    const channel = new Channel<number>({ capacity: 500 })
    const count = 500
    const seen = new Int32Array(new SharedArrayBuffer(4 * count))
    const block = random(2) === 0
    const thread = new Thread(
      t,
      `const channel = Channel.attach(data.token)
      const leases = []
      for (let i = 0; i < 5; i++) leases.push(await channel.lease())
      void channel.receive().then((n) => { Atomics.add(data.seen, n, 1) })
      let n = 0
      for await (const item of channel) {
        // Marked in the very turn of the hand-over.
        Atomics.add(data.seen, item, 1)
        if (++n === data.until) { say('there'); if (data.block) for (;;); }
      }`,
      { token: channel.token, seen, until: 1 + random(400), block },
    )
    await channel.sendMany([...Array(count).keys()])
    await thread.said()
    await thread.worker.terminate()
    for (;;) {
      const taken = channel.tryReceive()
      if (!taken) break
      Atomics.add(seen, taken.value, 1)
    }
    // One that does not block ends anywhere, also between a hand-over and what the loop does with the item.
    const unseen = seen.filter((times) => times === 0).length
    t.true(unseen <= (block ? 0 : 1), `round ${round}: ${unseen} lost, such as ${seen.indexOf(0)}`)
    t.true(
      seen.every((times) => times <= 1),
      `round ${round}: ${seen.findIndex((times) => times > 1)} was seen twice`,
    )
    t.is(channel.stats().leased, 0)
    t.is(channel.length, 0)
  }
})

test('a thread that ends takes its waits and its credit with it', async (t) => {
  const channel = new Channel<number>({ capacity: 8 })
  const thread = new Thread(
    t,
    `const channel = Channel.attach(data.token)
    const other = Channel.attach(data.other)
    void other.receive()
    void channel.sendMany([...Array(20).keys()])
    void channel.send(99)
    // The end of the turn has come and gone.
    setImmediate(() => {
      say('waits')
      // Credit, and a staged item, in the turn that never ends.
      void other.send(1)
      for (;;);
    })`,
    { token: channel.token, other: new Channel().token },
  )
  await thread.said()
  t.is(channel.stats().waitingSends, 2)
  await thread.worker.terminate()
  t.is(channel.stats().waitingSends, 0)
  t.deepEqual(await channel.receiveMany(20), [0, 1, 2, 3, 4, 5, 6, 7])
  for (let n = 0; n < 8; n++) t.true(channel.trySend(n))
  t.false(channel.trySend(8))
})

test('what a thread staged in the turn in which it ends never was in the channel', async (t) => {
  const channel = new Channel<number>({ capacity: 8 })
  const thread = new Thread(
    t,
    `const channel = Channel.attach(data.token)
    void channel.send(1)
    say('staged')
    for (;;);`,
    { token: channel.token },
  )
  await thread.said()
  await thread.worker.terminate()
  t.is(channel.length, 0)
  t.is(channel.stats().queued, 0)
  for (let n = 0; n < 8; n++) t.true(channel.trySend(n))
})

test('abort from one thread ends what waits in others', async (t) => {
  for (let round = 0; round < 5; round++) {
    const channel = new Channel<number>({ capacity: 2 })
    const empty = new Channel<number>()
    const threads = [0, 1].map(
      () =>
        new Thread(
          t,
          `const channel = Channel.attach(data.token)
          const empty = Channel.attach(data.empty)
          const waits = [channel.sendMany([1, 2, 3, 4]), empty.receive(), empty.receiveMany(2)]
          say('waits')
          say((await Promise.allSettled(waits)).map(({ reason }) => [reason.code, reason.message]))`,
          { token: channel.token, empty: empty.token },
        ),
    )
    await Promise.all(threads.map((thread) => thread.said()))
    const reason = new Error('enough')
    t.is(channel.abort(reason).length, 2)
    empty.abort(reason)
    const aborted = ['ERR_MILLRACE_ABORTED', 'the channel was aborted: enough']
    for (const thread of threads) t.deepEqual(await thread.said(), [aborted, aborted, aborted])
  }
})

test('an item reaches a receiver that sleeps in another thread at once', async (t) => {
  const requests = new Channel<number>()
  const replies = new Channel<number>()
  new Thread(
    t,
    `const requests = Channel.attach(data.requests)
    const replies = Channel.attach(data.replies)
    for await (const n of requests) await replies.send(n + 1)`,
    { requests: requests.token, replies: replies.token },
  )
  for (let n = 0; n < 300; n++) {
    void requests.send(n)
    t.is(await replies.receive(), n + 1)
  }
})
