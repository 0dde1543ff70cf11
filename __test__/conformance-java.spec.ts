/**
 * What Java promises of `java.util.concurrent.BlockingQueue`, and of its bounded `ArrayBlockingQueue`.
 *
 * | difference, on purpose | Java | here |
 * | --- | --- | --- |
 * | `add`, `remove` | throw where there is no room, or nothing | `trySend`, `tryReceive` say so |
 * | `drainTo(c, max)` | takes what is there, which may be nothing | `receiveMany(max)` waits for one; `timeout: 0` does not |
 * | `drainTo(c, max)` | takes all that is there, up to `max` | may take less than is there, so that a turn of the event loop can end; never none |
 * | `interrupt()` | ends a wait of a thread | a `signal` ends one call; an abort ends all |
 * | `null` | refused; it means that nothing is there | an item as any other; so is `undefined` |
 * | `close` | there is none | `close()`, `abort()` |
 * | `addAll` | may fail midway | `sendMany` may, too; its error says how many were sent |
 * | `peek`, `contains`, `remove(o)`, iterators | look inside | there is none of it |
 * | `fair` | in order of arrival, if asked for | no waiter is overtaken by more than 4 × capacity items |
 */

import { AbortedError, Channel, InvalidOptionError, TimeoutError } from '../src/index.js'
import { turns, until } from './helpers/gate.js'
import { promises } from './helpers/promises.js'
import {
  holding,
  insertsAtOnceOrNotAtAll,
  takesAtOnceOrNotAtAll,
  waitsForAnItemAndGivesUp,
  waitsForRoomAndGivesUp,
} from './helpers/queue-promises.js'
import { Thread } from './helpers/worker.js'

promises('BlockingQueue.offer', 'inserts at once, or says false', insertsAtOnceOrNotAtAll)

promises('BlockingQueue.offer, timed', 'waits so long for room, and gives up', waitsForRoomAndGivesUp)

promises('BlockingQueue.put and take', 'wait for room, and for an element, in any thread', async (t) => {
  const there = new Channel<number>({ capacity: 1 })
  const back = new Channel<number>({ capacity: 1 })
  new Thread(
    t,
    `const [there, back] = [Channel.attach(data.there), Channel.attach(data.back)]
    for (;;) back.sendSync(there.receiveSync() + 1)`,
    { there: there.token, back: back.token },
  )
  for (let n = 0; n < 100; n++) {
    await there.send(n)
    t.is(await back.receive(), n + 1)
  }
  await there.sendMany([1, 2, 3])
  await until(() => back.stats().waitingSends === 1)
  t.deepEqual([await back.receive(), await back.receive(), await back.receive()], [2, 3, 4])
})

promises('BlockingQueue.poll', 'an element at once, or none', takesAtOnceOrNotAtAll)

promises('BlockingQueue.poll, timed', 'an element within so long, or none', waitsForAnItemAndGivesUp)

promises('BlockingQueue.put, InterruptedException', 'what was interrupted did not insert', async (t) => {
  const channel = await holding(1, 1)
  const interrupt = new AbortController()
  const waits = channel.send(2, { signal: interrupt.signal })
  await turns(3)
  const reason = new Error('interrupted')
  interrupt.abort(reason)
  t.is(await t.throwsAsync(waits), reason)
  t.is(channel.stats().waitingSends, 0)
  const after = channel.send(3)
  t.deepEqual([await channel.receive(), await channel.receive()], [1, 3])
  await after
  t.is(channel.length, 0)
})

promises('BlockingQueue.take, InterruptedException', 'what was interrupted took nothing', async (t) => {
  const channel = new Channel<number>()
  const interrupt = new AbortController()
  const waits = [
    channel.receive({ signal: interrupt.signal }),
    channel.receiveMany(3, { signal: interrupt.signal }),
    channel.lease({ signal: interrupt.signal }),
  ]
  await turns(3)
  const reason = new Error('interrupted')
  interrupt.abort(reason)
  await channel.send(1)
  for (const wait of waits) t.is(await t.throwsAsync(wait), reason)
  t.is(await channel.receive(), 1)
})

promises('BlockingQueue, InterruptedException', 'a thread that blocks hears of an abort', async (t) => {
  const [full, empty] = [await holding(1, 1), new Channel<number>()]
  const source = `const code = (call) => { try { return call() } catch (error) { return error.code } }
    const [full, empty] = [Channel.attach(data.full), Channel.attach(data.empty)]
    say(code(() => full.sendSync(2)))
    say('waits')
    say(code(() => empty.receiveSync()))`
  const thread = new Thread(t, source, { full: full.token, empty: empty.token })
  await until(() => full.stats().waitingSends === 1)
  t.deepEqual(full.abort(), [1])
  t.is(await thread.said(), 'ERR_MILLRACE_ABORTED')
  t.is(await thread.said(), 'waits')
  empty.abort()
  t.is(await thread.said(), 'ERR_MILLRACE_ABORTED')
  await t.throwsAsync(full.send(3), { instanceOf: AbortedError })
})

promises('BlockingQueue.drainTo', 'takes what is there, in order, and at most so many', async (t) => {
  const channel = await holding(10, 1, 2, 3, 4, 5)
  t.deepEqual(await channel.receiveMany(2), [1, 2])
  t.is(channel.length, 3)
  t.deepEqual(await channel.receiveMany(1000), [3, 4, 5], 'and does not wait for more')
  t.is(channel.length, 0)
  t.deepEqual(await holding(9, 1, 2).then((full) => full.receiveMany(2)), [1, 2])
})

promises('BlockingQueue.drainTo', 'its elements have left: there is room for as many', async (t) => {
  const channel = await holding(3, 1, 2, 3)
  const waits = channel.sendMany([4, 5])
  t.deepEqual(await channel.receiveMany(2), [1, 2])
  await waits
  t.deepEqual([await channel.receive(), await channel.receive(), await channel.receive()], [3, 4, 5])
})

promises('BlockingQueue.drainTo', 'of nothing is nothing; here it waits, unless told not to', async (t) => {
  const channel = new Channel<number>()
  await t.throwsAsync(channel.receiveMany(3, { timeout: 0 }), { instanceOf: TimeoutError })
  const waits = channel.receiveMany(3)
  await turns(3)
  t.true(channel.trySend(1))
  t.deepEqual(await waits, [1])
  await t.throwsAsync(channel.receiveMany(0), { instanceOf: InvalidOptionError })
})

promises('BlockingQueue.drainTo', 'threads that drain at once get each element once', async (t) => {
  const channel = new Channel<number>({ capacity: 100 })
  const source = `const channel = Channel.attach(data)
    const seen = []
    for (;;) {
      const drained = await channel.receiveMany(7)
      if (drained.length > 7) throw new Error('too many')
      if (drained.length === 0) break
      seen.push(...drained)
    }
    say(seen)`
  const threads = [0, 1].map(() => new Thread(t, source, channel.token))
  const items = [...Array(2000).keys()]
  for (let at = 0; at < items.length; at += 50) await channel.sendMany(items.slice(at, at + 50))
  channel.close()
  const seen = await Promise.all(threads.map((thread) => thread.said<number[]>()))
  t.deepEqual(
    seen.flat().sort((a, b) => a - b),
    items,
  )
})

promises('BlockingQueue.remainingCapacity', 'how many can be inserted without waiting', async (t) => {
  const channel = await holding(4, 1)
  const remaining = channel.capacity - channel.length
  for (let n = 0; n < remaining; n++) t.true(channel.trySend(n))
  t.false(channel.trySend(9))
  t.is(channel.capacity - channel.length, 0)
})

promises(
  'BlockingQueue, null elements',
  'are refused; here they are items, and mean nothing else',
  async (t) => {
    const channel = await holding<null | undefined>(4, null, undefined)
    t.true(channel.trySend(null))
    t.true(channel.trySend(undefined))
    t.deepEqual([channel.tryReceive(), channel.tryReceive()], [{ value: null }, { value: undefined }])
    t.deepEqual([await channel.receive(), await channel.receive()], [null, undefined])
    t.is(channel.tryReceive(), undefined)
  },
)

promises(
  'BlockingQueue, bulk operations',
  'are not atomic; here an error says how far one got',
  async (t) => {
    const channel = new Channel<number>({ capacity: 3 })
    const error = await t.throwsAsync(channel.sendMany([1, 2, 3, 4, 5], { timeout: 0 }), {
      instanceOf: TimeoutError,
    })
    t.is(error?.accepted, 3)
    t.deepEqual(await channel.receiveMany(9), [1, 2, 3])
  },
)

promises(
  'ArrayBlockingQueue',
  'elements are in order, first in, first out, within a fixed capacity',
  async (t) => {
    const channel = new Channel<number>({ capacity: 3 })
    const waits = [...Array(20).keys()].map((n) => channel.send(n))
    const received: number[] = []
    while (received.length < 20) {
      t.true(channel.length <= 3)
      received.push(await channel.receive())
    }
    await Promise.all(waits)
    t.deepEqual(received, [...Array(20).keys()])
  },
)

promises(
  'ArrayBlockingQueue.size',
  'while threads are at work it is a look, within the bounds',
  async (t) => {
    const channel = new Channel<number>({ capacity: 4 })
    const send = `const channel = Channel.attach(data)
    for (let n = 0; n < 2000; n++) channel.sendSync(n)
    say('sent')`
    const receive = `let n = 0
    for await (const _ of Channel.attach(data)) n++
    say(n)`
    const senders = [0, 1].map(() => new Thread(t, send, channel.token))
    const receiver = new Thread(t, receive, channel.token)
    let over = false
    const sent = Promise.all(senders.map((sender) => sender.said())).then(() => {
      over = true
    })
    while (!over) {
      const { queued, peakQueued } = channel.stats()
      for (const n of [channel.length, queued, peakQueued]) if (n < 0 || n > 4) t.fail(`${n} items of 4`)
      await turns()
    }
    await sent
    channel.close()
    t.is(await receiver.said(), 4000)
  },
)

promises(
  'BlockingQueue, Memory consistency',
  'what was written before an insertion is read after it',
  async (t) => {
    const [there, back] = [new Channel<number>({ capacity: 4 }), new Channel<number>({ capacity: 4 })]
    const ROUNDS = 2000
    const memory = new SharedArrayBuffer(8 * ROUNDS)
    // Plain accesses: nothing but the channel orders them.
    const [mine, theirs] = [new Int32Array(memory, 0, ROUNDS), new Int32Array(memory, 4 * ROUNDS)]
    new Thread(
      t,
      `const [there, back] = [Channel.attach(data.there), Channel.attach(data.back)]
    const mine = new Int32Array(data.memory, 0, ${ROUNDS})
    const theirs = new Int32Array(data.memory, ${4 * ROUNDS})
    for await (const n of there) {
      theirs[n] = mine[n] + 1
      n % 2 ? back.sendSync(n) : await back.send(n)
    }
    back.close()`,
      { there: there.token, back: back.token, memory },
    )
    const wrong: number[] = []
    const reading = (async () => {
      for await (const n of back) if (theirs[n] !== 3 * n + 2) wrong.push(n)
    })()
    for (let n = 0; n < ROUNDS; n++) {
      mine[n] = 3 * n + 1
      await there.send(n)
    }
    there.close()
    await reading
    t.deepEqual(wrong, [])
  },
)
