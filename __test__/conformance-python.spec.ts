/**
 * What Python promises of `queue.Queue`, with the `shutdown()` of 3.13.
 *
 * | difference, on purpose | Python | here |
 * | --- | --- | --- |
 * | full, empty | raises `Full`, `Empty` | `trySend` false, `tryReceive` undefined; `TimeoutError` after a wait |
 * | `maxsize` 0 | no bound | refused; a capacity is from 1 on |
 * | `shutdown()` | a `put` that waits raises | it completes: `close()` |
 * | `shutdown(immediate=True)` | what was queued is dropped | it comes back: `abort()` |
 * | unfinished tasks | each `put`, until its `task_done` | `lease()` until `settle()`; in a system, a handler's end |
 * | `join()` at an immediate shutdown | may return though work was not done | `idle()`, the same; the report says what was not |
 * | `LifoQueue`, `PriorityQueue` | classes | lanes |
 */

import {
  AbortedError,
  Channel,
  ClosedError,
  InvalidOptionError,
  ProducerConsumerSystem,
  StateError,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns, until } from './helpers/gate.js'
import { promises } from './helpers/promises.js'
import {
  holding,
  insertsAtOnceOrNotAtAll,
  takesAtOnceOrNotAtAll,
  waitsForAnItemAndGivesUp,
  waitsForRoomAndGivesUp,
} from './helpers/queue-promises.js'
import { Thread } from './helpers/worker.js'

promises('Python, queue.Queue', 'maxsize is the most items; here it is never unbounded', async (t) => {
  const channel = await holding(3, 1, 2, 3)
  t.false(channel.trySend(4))
  t.is(channel.length, 3)
  t.throws(() => new Channel({ capacity: 0 }), { instanceOf: InvalidOptionError })
})

promises('Python, queue.Queue', 'the first tasks added are the first retrieved', async (t) => {
  const channel = await holding(10, 1, 2, 3)
  await channel.send(4)
  t.true(channel.trySend(5))
  channel.close()
  const received: number[] = []
  for await (const item of channel) received.push(item)
  t.deepEqual(received, [1, 2, 3, 4, 5])
})

promises('Python, Queue.put', 'waits for a free slot', async (t) => {
  const channel = await holding(1, 1)
  let put = false
  const waits = channel.send(2).then(() => {
    put = true
  })
  await turns(3)
  t.false(put)
  t.is(await channel.receive(), 1)
  await waits
  t.is(await channel.receive(), 2)
})

promises('Python, Queue.put', 'block=False: at once, or not at all', insertsAtOnceOrNotAtAll)

promises('Python, Queue.put', 'timeout: fails where no slot was free in that time', waitsForRoomAndGivesUp)

promises('Python, Queue.get', 'waits for an item, also in a thread that blocks', async (t) => {
  const channel = new Channel<number>()
  const there = new Thread(t, `say('waits'); say(Channel.attach(data).receiveSync())`, channel.token)
  t.is(await there.said(), 'waits')
  await channel.send(1)
  t.is(await there.said(), 1)
  const here = channel.receive()
  await turns(3)
  await channel.send(2)
  t.is(await here, 2)
})

promises('Python, Queue.get', 'block=False: at once, or not at all', takesAtOnceOrNotAtAll)

promises('Python, Queue.get', 'timeout: fails where no item was there in that time', waitsForAnItemAndGivesUp)

promises('Python, Queue.qsize, empty and full', 'how many items are there, and how full it is', async (t) => {
  const channel = new Channel<number>({ capacity: 2 })
  t.is(channel.length, 0)
  await channel.sendMany([1, 2])
  t.is(channel.length, channel.capacity)
})

promises('Python, queue', 'each item goes to one of several consumers, in any thread', async (t) => {
  const channel = new Channel<number>({ capacity: 5 })
  const source = `const channel = Channel.attach(data)
    const seen = []
    try { for (;;) seen.push(channel.receiveSync()) } catch { say(seen) }`
  const threads = [0, 1, 2].map(() => new Thread(t, source, channel.token))
  const items = [...Array(600).keys()]
  for (const item of items) await channel.send(item)
  channel.close()
  const seen = await Promise.all(threads.map((thread) => thread.said<number[]>()))
  t.deepEqual(
    seen.flat().sort((a, b) => a - b),
    items,
  )
})

promises('Python, Queue.shutdown', 'later puts fail; gets wind it down, then fail', async (t) => {
  const channel = await holding(3, 1, 2)
  channel.close()
  await t.throwsAsync(channel.send(3), { instanceOf: ClosedError })
  t.throws(() => channel.trySend(3), { instanceOf: ClosedError })
  t.deepEqual([await channel.receive(), channel.tryReceive()], [1, { value: 2 }])
  await t.throwsAsync(channel.receive(), { instanceOf: ClosedError })
  t.throws(() => channel.tryReceive(), { instanceOf: ClosedError })
})

promises('Python, Queue.shutdown', 'a get that waits on an empty queue fails', async (t) => {
  const channel = new Channel<number>()
  const thread = new Thread(
    t,
    `say('waits'); try { Channel.attach(data).receiveSync() } catch (error) { say(error.code) }`,
    channel.token,
  )
  const here = channel.receive()
  t.is(await thread.said(), 'waits')
  channel.close()
  await t.throwsAsync(here, { instanceOf: ClosedError })
  t.is(await thread.said(), 'ERR_MILLRACE_CLOSED')
})

promises('Python, Queue.shutdown', 'a put that waits would fail; here it completes', async (t) => {
  const channel = await holding(1, 1)
  const waits = channel.send(2)
  channel.close()
  t.deepEqual([await channel.receive(), await channel.receive()], [1, 2])
  await waits
  await t.throwsAsync(channel.receive(), { instanceOf: ClosedError })
})

promises('Python, Queue.shutdown', 'join returns once each remaining task is done', async (t) => {
  const channel = await holding(3, 1, 2)
  const first = await channel.lease()
  channel.close()
  const second = await channel.lease()
  let joined = false
  const end = channel.receiveMany(9).then((rest) => {
    joined = true
    return rest
  })
  first.settle()
  await turns(3)
  t.false(joined)
  second.settle()
  t.deepEqual(await end, [])
})

promises('Python, Queue.shutdown', 'immediate: it is empty, and whatever waits fails', async (t) => {
  const channel = await holding(2, 1, 2)
  const source = `const channel = Channel.attach(data)
    say('waits')
    try { channel.sendSync(3) } catch (error) { say(error.code) }`
  const thread = new Thread(t, source, channel.token)
  const [put, empty] = [channel.send(4), new Channel<number>()]
  const get = empty.receive()
  t.is(await thread.said(), 'waits')
  await until(() => channel.stats().waitingSends === 2)
  t.deepEqual(channel.abort(), [1, 2], 'here they come back')
  t.deepEqual(empty.abort(), [])
  for (const wait of [put, get, channel.receive(), channel.send(5)]) {
    await t.throwsAsync(wait, { instanceOf: AbortedError })
  }
  t.is(await thread.said(), 'ERR_MILLRACE_ABORTED')
  t.is(channel.length, 0)
})

promises('Python, Queue.task_done', 'once for each item, and no more', async (t) => {
  const channel = await holding(1, 1)
  const lease = await channel.lease()
  t.is(channel.stats().leased, 1)
  lease.settle()
  t.is(channel.stats().leased, 0)
  t.throws(() => lease.settle(), { instanceOf: StateError })
})

promises('Python, Queue.join', 'waits until all that was put is done, not only taken', async (t) => {
  const gates = [new Gate(), new Gate(), new Gate()]
  const system = new ProducerConsumerSystem({
    consumers: 3,
    handler: (item: number) => (gates[item] as Gate).opened,
  })
  await system.start()
  await system.sendMany([0, 1, 2])
  let joined = false
  const join = system.idle().then(() => {
    joined = true
  })
  for (const gate of gates) {
    t.false(joined)
    gate.open()
    await turns(5)
  }
  await join
  t.is(system.stats().processed, 3)
  // It can be used and joined again.
  await system.send(0)
  await system.idle()
  t.is(system.stats().processed, 4)
  assertConservation(t, await system.stop())
})

promises('Python, Queue.join', 'returns after a shutdown, too, when the rest is done', async (t) => {
  const gate = new Gate()
  const system = new ProducerConsumerSystem({ consumers: 1, handler: (_: number) => gate.opened })
  await system.start()
  await system.sendMany([1, 2, 3])
  const [join, stopped] = [system.idle(), system.stop()]
  await t.throwsAsync(system.send(4), { instanceOf: ClosedError })
  t.is(system.stats().processed, 0)
  gate.open()
  await join
  t.is(system.stats().processed, 3)
  assertConservation(t, await stopped)
})

promises('Python, Queue.join', 'immediate shutdown: returns, though work was not done', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, handler: (_: number) => new Promise(() => {}) })
  await system.start()
  await system.sendMany([1, 2, 3])
  await until(() => system.stats().inFlight === 1)
  const join = system.idle()
  const report = await system.abort()
  await join
  t.deepEqual(report.unprocessed, [2, 3])
  t.deepEqual([report.processed, report.deadLettered, report.discarded], [0, 1, 2])
  assertConservation(t, report)
})
