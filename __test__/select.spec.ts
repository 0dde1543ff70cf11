import { getEventListeners } from 'node:events'
import test from 'ava'
import {
  AbortedError,
  Channel,
  ClosedError,
  DetachedError,
  InvalidOptionError,
  type SelectCase,
  select,
  TimeoutError,
  UncloneableError,
} from '../src/index.js'
import { collect } from './helpers/collect.js'
import { turns } from './helpers/gate.js'
import { runProgram } from './helpers/program.js'
import { Random } from './helpers/random.js'
import { Thread } from './helpers/worker.js'

async function full(item: unknown = 'first'): Promise<Channel> {
  const channel = new Channel({ capacity: 1 })
  await channel.send(item)
  return channel
}

test('receives from the channel that has an item', async (t) => {
  const channels = [new Channel<string>(), new Channel<string>(), new Channel<string>()] as const
  const [a, b, c] = channels
  for (const [index, channel] of channels.entries()) {
    await channel.send(`item ${index}`)
    const selected = await select([a.receiving(), b.receiving(), c.receiving()])
    t.deepEqual(selected, { index, done: false, value: `item ${index}` } as never)
  }
  t.deepEqual([a.length, b.length, c.length], [0, 0, 0])
})

test('items of every kind arrive equal, those larger than the shared memory too', async (t) => {
  const [there, never] = [new Channel(), new Channel()]
  const large = new Uint8Array(200_000).fill(7)
  for (const item of [
    1.5,
    'text',
    'ü\ud800',
    { a: [1] },
    new Map([[1, 2]]),
    new Uint8Array(3),
    large,
    undefined,
  ]) {
    t.is((await select([never.receiving(), there.sending(item)])).index, 1)
    t.deepEqual((await select([never.receiving(), there.receiving()])).value, item)
  }
})

test('sends where there is room, the value at the moment of the call', async (t) => {
  const [none, room] = [await full(), new Channel<{ n: number }>({ capacity: 1 })]
  const item = { n: 1 }
  const selected = select([none.sending('late'), room.sending(item)])
  item.n = 2
  t.deepEqual(await selected, { index: 1, done: false, value: undefined })
  const waits = select([none.sending(item), room.sending(item)])
  item.n = 3
  t.deepEqual(await room.receive(), { n: 1 })
  t.is((await waits).index, 1)
  t.deepEqual(await room.receive(), { n: 2 })
  t.deepEqual([await none.receive(), none.length, room.length], ['first', 0, 0])
})

test('a waiting select is served by whatever comes first, and leaves nothing of the others', async (t) => {
  const [empty, other, none] = [new Channel(), new Channel(), await full()]
  const selected = select([empty.receiving(), other.receiving(), none.sending('late')])
  await turns(3)
  t.is(none.stats().waitingSends, 1)
  await other.send('item')
  t.deepEqual(await selected, { index: 1, done: false, value: 'item' })
  t.is(none.stats().waitingSends, 0)
  await empty.send('stays')
  await turns(3)
  t.deepEqual([empty.length, none.length], [1, 1])
  t.is(await none.receive(), 'first')
  await turns(3)
  t.is(none.length, 0)
})

test('each ready case is as likely as any other', async (t) => {
  const ROUNDS = 4000
  const [empty, none] = [new Channel(), await full()]
  const [items, room] = [new Channel<number>({ capacity: 1 }), new Channel<number>({ capacity: 1 })]
  const chosen = [0, 0, 0, 0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    items.trySend(1)
    room.tryReceive()
    const cases = [empty.receiving(), items.receiving(), none.sending(1), room.sending(1), room.sending(2)]
    const { index } = await select(cases)
    chosen[index] = (chosen[index] as number) + 1
  }
  t.deepEqual([chosen[0], chosen[2]], [0, 0])
  for (const index of [1, 3, 4]) {
    // A fair one is off by more than 6 of its standard deviations once in a billion.
    t.true(Math.abs((chosen[index] as number) - ROUNDS / 3) < 6 * Math.sqrt((ROUNDS * 2) / 9), `${chosen}`)
  }
})

test('the end of a closed channel is ready, once it is drained', async (t) => {
  const [closing, never] = [new Channel<string>(), new Channel<string>()]
  await closing.send('last')
  closing.close()
  const cases = [never.receiving(), closing.receiving()] as const
  t.deepEqual(await select(cases), { index: 1, done: false, value: 'last' })
  t.deepEqual(await select(cases), { index: 1, done: true, value: undefined })
  const later = new Channel<string>()
  const waits = select([never.receiving(), later.receiving()])
  await turns(2)
  later.close()
  t.deepEqual(await waits, { index: 1, done: true, value: undefined })
})

test('a send into a closed channel and anything on an aborted one reject, and say which', async (t) => {
  const [none, empty, never] = [await full(), new Channel(), new Channel()]
  const waits = select([never.receiving(), none.sending('late')])
  await turns(2)
  none.close()
  const closed = await t.throwsAsync(waits, { instanceOf: ClosedError, code: 'ERR_MILLRACE_CLOSED' })
  t.is((closed as ClosedError).index, 1)
  await t.throwsAsync(select([never.receiving(), none.sending('late')]), { instanceOf: ClosedError })
  t.is(await none.receive(), 'first')
  await t.throwsAsync(none.receive(), { instanceOf: ClosedError }, 'the case keeps no end back')

  for (const late of [false, true]) {
    const channel = late ? empty : await full()
    const aborted = late ? select([never.receiving(), channel.receiving()]) : undefined
    if (late) await turns(2)
    channel.abort(new Error('enough'))
    const error = await t.throwsAsync(aborted ?? select([never.receiving(), channel.sending(1)]), {
      instanceOf: AbortedError,
    })
    t.is((error as AbortedError).index, 1)
    t.like(error.cause, { message: 'enough' })
  }
})

test('a select on one channel never meets itself', async (t) => {
  const channel = new Channel<number>({ capacity: 1 })
  for (let round = 0; round < 100; round++) {
    t.is((await select([channel.receiving(), channel.sending(round)])).index, 1)
    t.deepEqual(await select([channel.sending(-1), channel.receiving()]), {
      index: 1,
      done: false,
      value: round,
    })
    t.is(channel.length, 0)
  }
})

test('two cases on the same channel: one of them happens', async (t) => {
  const channel = await full()
  const sends = select([channel.sending('a'), channel.sending('b')])
  t.is(await channel.receive(), 'first')
  const { index } = await sends
  t.is(channel.length, 1)
  t.is(await channel.receive(), ['a', 'b'][index])
  const receives = select([channel.receiving(), channel.receiving()])
  await channel.send('one')
  await channel.send('two')
  t.is((await receives).value, 'one')
  t.is(await channel.receive(), 'two')
})

test('what a loop took ahead and what is staged can be selected', async (t) => {
  const channel = new Channel<number>()
  void channel.send(0)
  t.is((await select([channel.receiving()])).value, 0)
  await channel.sendMany(Array.from({ length: 200 }, (_, n) => n))
  const seen: number[] = []
  for await (const n of channel) {
    seen.push(n)
    if (seen.length % 2 === 1) seen.push((await select([channel.receiving()])).value as number)
    if (seen.length >= 200) break
  }
  t.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, n) => n),
  )
})

test('a select keeps behind the sends of its thread that wait, and before later ones once it has happened', async (t) => {
  const [channel, never] = [await full(0), new Channel()]
  const before = channel.sendMany([1, 2, 3])
  const selected = select([never.receiving(), channel.sending(4)])
  const seen: unknown[] = []
  while (seen.length < 5) seen.push(await channel.receive())
  t.deepEqual(seen, [0, 1, 2, 3, 4])
  await before
  t.is((await selected).index, 1)
  void channel.send('staged')
  const after = select([channel.sending('selected')])
  t.is(await channel.receive(), 'staged')
  await after
  t.is(await channel.receive(), 'selected')
})

test('a thread that blocks in its own channel is not held up by its select that waits', async (t) => {
  const channel = await full(0)
  const never = new Channel()
  const thread = new Thread(
    t,
    `const { select } = library
    const [channel, never] = [Channel.attach(data.token), Channel.attach(data.never)]
    const selected = select([never.receiving(), channel.sending('selected')])
    say('waits')
    channel.sendSync('blocked')
    say((await selected).index)`,
    { token: channel.token, never: never.token },
  )
  t.is(await thread.said(), 'waits')
  const seen = [await channel.receive(), await channel.receive(), await channel.receive()]
  t.deepEqual(seen, [0, 'selected', 'blocked'])
  t.is(await thread.said(), 1)
})

test('a time-out, a signal and a disposed handle end the wait, and nothing has happened', async (t) => {
  const [empty, none] = [new Channel(), await full()]
  const cases = [empty.receiving(), none.sending('late')]
  await t.throwsAsync(select(cases, { timeout: 5 }), { instanceOf: TimeoutError })
  await t.throwsAsync(select(cases, { timeout: 0 }), { instanceOf: TimeoutError })
  const controller = new AbortController()
  const cancelled = select(cases, { signal: controller.signal })
  t.is(getEventListeners(controller.signal, 'abort').length, 1)
  controller.abort(new Error('cancelled'))
  await t.throwsAsync(cancelled, { message: 'cancelled' })
  t.is(getEventListeners(controller.signal, 'abort').length, 0)
  await t.throwsAsync(select(cases, { signal: controller.signal }), { message: 'cancelled' })

  const handle = Channel.attach(empty.token)
  const detached = select([handle.receiving(), none.sending('late')])
  handle[Symbol.dispose]()
  await t.throwsAsync(detached, { instanceOf: DetachedError })
  await t.throwsAsync(select([handle.receiving()]), { instanceOf: DetachedError })

  t.is(none.stats().waitingSends, 0)
  t.is(await none.receive(), 'first')
  await empty.send('stays')
  await turns(3)
  t.deepEqual([none.length, empty.length], [0, 1])
})

test('bad cases, options and items reject before anything happens', async (t) => {
  const channel = new Channel()
  await channel.send('stays')
  const good = channel.receiving()
  const bad: [unknown, string][] = [
    [undefined, 'cases'],
    [new Set([good]), 'cases'],
    [[], 'cases'],
    [[good, channel], 'cases[1]'],
    [[null, good], 'cases[0]'],
    [[good, { ...good }], 'cases[1]'],
    [[good, Object.create(good)], 'cases[1]'],
    // biome-ignore lint/suspicious/noSparseArray: that is what is tested
    [[good, , good], 'cases[1]'],
  ]
  for (const [cases, option] of bad) {
    const error = await t.throwsAsync(select(cases as SelectCase[]), { instanceOf: InvalidOptionError })
    t.is((error as InvalidOptionError).option, option)
  }
  for (const options of [{ timeout: -1 }, { signal: 1 }, { index: 1 }, null]) {
    await t.throwsAsync(select([good], options as never), { instanceOf: InvalidOptionError })
  }
  const error = await t.throwsAsync(select([good, channel.sending({ f: [() => {}] })]), {
    instanceOf: UncloneableError,
  })
  t.is((error as UncloneableError).path, 'cases[1].item.f[0]')
  t.is(channel.length, 1)
})

test('an item whose getter disposes of a channel', async (t) => {
  const channel = new Channel()
  const handle = Channel.attach(channel.token)
  const item = {
    get trap() {
      handle[Symbol.dispose]()
      return 1
    },
  }
  await t.throwsAsync(select([channel.sending(item), handle.receiving()]), { instanceOf: DetachedError })
  t.is(channel.length, 0)
})

test('cases can be used again, and their channels are not collected', async (t) => {
  const channel = new Channel<number>({ capacity: 1 })
  const [receives, sends] = [channel.receiving(), channel.sending(7)]
  for (let round = 0; round < 10; round++) {
    t.is((await select([sends, receives])).index, 0)
    t.is((await select([sends, receives])).value, 7)
  }
})

// In turn: what other tests have in memory meanwhile would count.
test.serial('selects that were cancelled or lost leave no listener, no waiter and no memory', async (t) => {
  const [empty, none, ticks] = [new Channel(), await full(), new Channel<number>()]
  const { signal } = new AbortController()
  const round = async (n: number): Promise<void> => {
    const cases = [empty.receiving(), none.sending({ n }), ticks.receiving()]
    const selected = select(cases, { signal, timeout: 10_000 })
    await ticks.send(n)
    t.is((await selected).value, n)
    await t.throwsAsync(select(cases, { signal, timeout: 0 }), { instanceOf: TimeoutError })
  }
  const heap = async (): Promise<number> => {
    await turns(2)
    collect()
    return process.memoryUsage().heapUsed
  }
  for (let n = 0; n < 500; n++) await round(n)
  const before = await heap()
  for (let n = 0; n < 5000; n++) await round(n)
  const more = (await heap()) - before
  t.is(getEventListeners(signal, 'abort').length, 0)
  t.is(none.stats().waitingSends, 0)
  // A case that stayed, with its item and closures, would be some hundred bytes.
  t.true(more < 1_000_000, `${more} bytes more`)
})

test('a select that waits keeps the process alive, and one that is over does not', async (t) => {
  const run = (body: string): ReturnType<typeof runProgram> =>
    runProgram(t, `const { Channel, select } = await import(new URL('index.js', library)); ${body}`)
  const waits = await run(`
    const channel = new Channel()
    setTimeout(() => { console.log('late') }, 50).unref()
    await select([channel.receiving()], { timeout: 100 }).catch((error) => console.log(error.code))`)
  t.deepEqual([waits.code, waits.stdout], [0, 'late\nERR_MILLRACE_TIMEOUT\n'])
  const over = await run(`
    const channel = new Channel()
    const controller = new AbortController()
    select([channel.receiving()], { signal: controller.signal }).catch(() => console.log('over'))
    controller.abort()`)
  t.deepEqual([over.code, over.stdout], [0, 'over\n'])
})

const SELECTS = `
  const { select } = library
  const channels = data.tokens.map((token) => Channel.attach(token))
  let state = data.seed
  const below = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % limit
  }
  // Some waits end early, by a time-out or a signal.
  const options = () => {
    const way = below(8)
    if (way === 0) return { timeout: below(3) }
    if (way > 1) return {}
    const controller = new AbortController()
    setImmediate(() => controller.abort(new Error('cancelled')))
    return { signal: controller.signal }
  }
  const early = (error) => {
    if (error.message === 'cancelled' || error.code === 'ERR_MILLRACE_TIMEOUT') return undefined
    throw error
  }
`

const SELECT_SENDS = `${SELECTS}
  const left = Array.from({ length: data.count }, (_, n) => data.from + n)
  while (left.length > 0) {
    // Two items are offered to two channels, maybe the same: one of them goes.
    const items = left.splice(-2)
    const cases = items.map((item) => channels[below(channels.length)].sending({ item }))
    const selected = await select(cases, options()).catch(early)
    items.forEach((item, index) => { if (index !== selected?.index) left.push(item) })
    if (below(10) === 0 && left.length > 0) await channels[below(channels.length)].send({ item: left.pop() })
  }
  say('sent')
`

const SELECT_RECEIVES = `${SELECTS}
  const seen = []
  const open = [...channels]
  while (open.length > 0) {
    const selected = await select(open.map((channel) => channel.receiving()), options()).catch(early)
    if (selected?.done) open.splice(selected.index, 1)
    else if (selected) seen.push(selected.value.item)
    if (below(10) === 0) {
      const taken = await channels[below(channels.length)].receiveMany(3, { timeout: 0 }).catch(() => [])
      for (const { item } of taken) seen.push(item)
    }
  }
  say(seen)
`

test('threads select over channels that they share, and each item arrives once', async (t) => {
  const random = new Random(t)
  for (let round = 0; round < (process.env.MILLRACE_LONG === '1' ? 40 : 6); round++) {
    const [senders, receivers, count] = [1 + random.below(3), 1 + random.below(3), 400]
    const channels = Array.from(
      { length: 1 + random.below(4) },
      () => new Channel({ capacity: 1 + random.below(3) }),
    )
    const tokens = channels.map(({ token }) => token)
    const seed = (): number => random.below(2 ** 32)
    const sending = Array.from(
      { length: senders },
      (_, index) => new Thread(t, SELECT_SENDS, { tokens, seed: seed(), from: index * count, count }),
    )
    const receiving = Array.from(
      { length: receivers },
      () => new Thread(t, SELECT_RECEIVES, { tokens, seed: seed() }),
    )
    for (const thread of sending) t.is(await thread.said(), 'sent')
    for (const channel of channels) channel.close()
    const seen = (await Promise.all(receiving.map((thread) => thread.said<number[]>()))).flat()
    t.deepEqual(
      seen.sort((a, b) => a - b),
      Array.from({ length: senders * count }, (_, n) => n),
    )
    for (const channel of channels) {
      const { queued, waitingSends, discarded, peakQueued, capacity } = channel.stats()
      t.deepEqual([queued, waitingSends, discarded], [0, 0, 0])
      t.true(peakQueued <= capacity)
    }
    await Promise.all([...sending, ...receiving].map((thread) => thread.worker.terminate()))
  }
})

test('an environment that ends with selects under way loses nothing and holds nothing up', async (t) => {
  const random = new Random(t)
  const [items, room] = [new Channel<number>({ capacity: 4 }), new Channel<number>({ capacity: 1 })]
  let sent = 0
  for (let round = 0; round < 12; round++) {
    room.trySend(-1)
    const handed = new Int32Array(new SharedArrayBuffer(4 * 64))
    const thread = new Thread(
      t,
      `const { select } = library
      const [items, room] = [Channel.attach(data.items), Channel.attach(data.room)]
      for (let n = 0; n < 5; n++) void select([room.sending(1000 + n), room.receiving()]).catch(() => {})
      for (let n = 1; ; n++) {
        data.handed[n] = (await select([items.receiving(), items.receiving()])).value + 1
        Atomics.add(data.handed, 0, 1)
      }`,
      { items: items.token, room: room.token, handed },
    )
    const first = sent
    const until = sent + 5 + random.below(50)
    while (sent < until) await items.send(sent++)
    await thread.worker.terminate()
    // Nobody else is there: what was not handed over is still in the channel.
    const seen = [...handed.subarray(1)].filter((n) => n > 0).map((n) => n - 1)
    const last = seen.at(-1)
    for (let taken = items.tryReceive(); taken; taken = items.tryReceive()) seen.push(taken.value)
    t.is(new Set(seen).size, seen.length)
    // The one whose hand-over the end cut off may be missing.
    const missing = Array.from({ length: until - first }, (_, n) => first + n).filter(
      (n) => !seen.includes(n),
    )
    t.true(
      missing.length === 0 || (missing.length === 1 && missing[0] === (last ?? first - 1) + 1),
      `${missing}`,
    )
    t.is(items.stats().waitingSends, 0)
    t.is(room.stats().waitingSends, 0, 'its cases left the queue')
    while (room.tryReceive());
    t.true(room.trySend(1), 'no room is put aside')
    while (room.tryReceive());
  }
})
