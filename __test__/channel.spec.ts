import test from 'ava'
import { AbortedError, Channel, ClosedError, type Lease } from '../src/index.js'
import { turns, until } from './helpers/gate.js'
import { itemOf } from './helpers/items.js'

test('what is sent is received, in order and equal', async (t) => {
  const channel = new Channel({ capacity: 5000 })
  const items = Array.from({ length: 1000 }, (_, n) => itemOf(n))
  for (const item of items) await channel.send(item)
  await channel.sendMany(items)
  for (const item of items) t.true(channel.trySend(item))
  t.is(channel.length, 3000)
  for (const item of items) t.deepEqual(await channel.receive(), item)
  for (const item of items) t.deepEqual(channel.tryReceive(), { value: item })
  const rest: unknown[] = []
  while (rest.length < 1000) rest.push(...(await channel.receiveMany(300)))
  t.deepEqual(rest, items)
  t.is(channel.tryReceive(), undefined)
  t.is(channel.length, 0)
})

test('what travels is the value at the moment of the call', async (t) => {
  const channel = new Channel<unknown>()
  const object = { n: 1 }
  const bytes = Uint8Array.of(1, 2, 3)
  for (const send of [(item: unknown) => channel.send(item), (item: unknown) => channel.sendMany([item])]) {
    object.n = 1
    bytes.set([1, 2, 3])
    const sending = [send(object), send(bytes)]
    object.n = 2
    bytes.fill(9)
    await Promise.all(sending)
    t.deepEqual(await channel.receiveMany(1), [{ n: 1 }])
    t.deepEqual(await channel.receive(), Uint8Array.of(1, 2, 3))
  }
})

test('items of all kinds keep their order, staged or not', async (t) => {
  const channel = new Channel<unknown>()
  const large = 'x'.repeat(20_000)
  const items = [
    'a',
    1,
    { a: 1 },
    'b',
    Uint8Array.of(1),
    large,
    2,
    { b: large },
    null,
    undefined,
    'c',
    true,
    [1],
    '',
  ]
  for (let round = 0; round < 50; round++) {
    const sent = Array.from({ length: 10 }, (_, n) => items[(n * (round + 1) + round) % items.length])
    for (const item of sent) void channel.send(item)
    const received: unknown[] = []
    while (received.length < sent.length) received.push(await channel.receive())
    t.deepEqual(received, sent)
  }
})

test('numbers that leave by themselves keep their place among what is staged', async (t) => {
  const channel = new Channel<unknown>({ capacity: 8 })
  const bell = new Channel<number>()
  const received: unknown[] = []
  const reading = (async () => {
    for await (const item of channel) received.push(item)
  })()
  const rows = [
    [1],
    [2],
    ['a', 3],
    [4],
    [5],
    [6, 7, 'b', 8],
    [9],
    [10],
    Array.from({ length: 20 }, (_, n) => n),
  ]
  for (const row of rows) {
    // A turn of its own: what rings the doorbell begins one.
    const rung = bell.receive()
    await bell.send(0)
    await rung
    for (const item of row) void channel.send(item)
  }
  channel.close()
  await reading
  t.deepEqual(received, rows.flat())
})

test('code that runs while an item is encoded can send too', async (t) => {
  const channel = new Channel<unknown>()
  const sneaky = {
    get inner() {
      void channel.send('from a getter')
      void channel.send({ also: 'from there' })
      return 1
    },
  }
  void channel.send('first')
  void channel.send(sneaky)
  await channel.sendMany([sneaky, 'last'])
  const received: unknown[] = []
  while (received.length < 8) received.push(...(await channel.receiveMany(100)))
  t.deepEqual(received, [
    'first',
    'from a getter',
    { also: 'from there' },
    { inner: 1 },
    'from a getter',
    { also: 'from there' },
    { inner: 1 },
    'last',
  ])
})

test('a send waits for room, and completes as it comes', async (t) => {
  const channel = new Channel<number>({ capacity: 2 })
  await channel.sendMany([0, 1])
  let done = false
  const sending = channel.send(2).then(() => {
    done = true
  })
  t.is(channel.stats().waitingSends, 1)
  await turns(3)
  t.false(done)
  t.is(await channel.receive(), 0)
  await sending
  t.deepEqual(await channel.receiveMany(9), [1, 2])
})

test('a lone sender can use all of the capacity, and not more', async (t) => {
  for (const capacity of [1, 2, 3, 31, 32, 33, 100]) {
    const channel = new Channel<number>({ capacity })
    for (let n = 0; n < capacity; n++) await channel.send(n, { timeout: 0 })
    t.is(channel.length, capacity)
    t.false(channel.trySend(-1))
    await t.throwsAsync(channel.send(-1, { timeout: 0 }), { code: 'ERR_MILLRACE_TIMEOUT' })
    t.is(channel.stats().peakQueued, capacity)
    t.deepEqual(await channel.receiveMany(1000), [...Array(capacity).keys()])
  }
})

test('sendMany may send more than the capacity', async (t) => {
  const channel = new Channel<number>({ capacity: 3 })
  const items = [...Array(100).keys()]
  const sending = channel.sendMany(items)
  const received: number[] = []
  while (received.length < 100) received.push(...(await channel.receiveMany(7)))
  await sending
  t.deepEqual(received, items)
  t.true(channel.stats().peakQueued <= 3)
  await channel.sendMany([])
})

test('a sendMany that ends early says how many items were accepted', async (t) => {
  const channel = new Channel<number>({ capacity: 3 })
  const items = [...Array(10).keys()]
  const late = await t.throwsAsync(channel.sendMany(items, { timeout: 1 }), { code: 'ERR_MILLRACE_TIMEOUT' })
  t.is((late as unknown as { accepted: number }).accepted, 3)
  t.deepEqual(await channel.receiveMany(9), [0, 1, 2])
  const controller = new AbortController()
  const cancelled = channel.sendMany(items, { signal: controller.signal })
  t.deepEqual(await channel.receiveMany(2), [0, 1])
  controller.abort(new Error('enough'))
  t.is(((await t.throwsAsync(cancelled)) as unknown as { accepted: number }).accepted, 5)
  t.deepEqual(await channel.receiveMany(9), [2, 3, 4])
  const aborted = channel.sendMany(items)
  t.deepEqual(channel.abort(), [0, 1, 2])
  t.is((await t.throwsAsync(aborted, { instanceOf: AbortedError }))?.accepted, 3)
})

test('trySend is false while an earlier send of the environment waits', async (t) => {
  const channel = new Channel<number>({ capacity: 2 })
  await channel.sendMany([0, 1])
  const waiting = channel.sendMany([2, 3, 4])
  t.is(channel.tryReceive()?.value, 0)
  t.false(channel.trySend(5))
  const received = [1]
  t.is(channel.tryReceive()?.value, 1)
  while (received.length < 4) received.push(await channel.receive())
  await waiting
  t.true(channel.trySend(5))
  t.deepEqual([...received, await channel.receive()], [1, 2, 3, 4, 5])
})

test('sends of all kinds keep the order of their calls, also where they wait', async (t) => {
  const channel = new Channel<number>({ capacity: 4 })
  let seed = 7
  const random = (n: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return seed % n
  }
  const sends: Promise<void>[] = []
  let next = 0
  for (let round = 0; round < 300; round++) {
    const how = random(3)
    if (how === 0) sends.push(channel.send(next++))
    else if (how === 1) sends.push(channel.sendMany(Array.from({ length: random(7) }, () => next++)))
    else if (channel.trySend(next)) next++
  }
  channel.close()
  const received: number[] = []
  for await (const item of channel) received.push(item)
  await Promise.all(sends)
  t.deepEqual(received, [...Array(next).keys()])
})

test('a cancelled or late send is provably out of the channel', async (t) => {
  for (let round = 0; round < 200; round++) {
    const channel = new Channel<number>({ capacity: 1 })
    await channel.send(0)
    const controller = new AbortController()
    const sends = [
      channel.send(1, { signal: controller.signal }),
      channel.send(2, { timeout: round % 3 }),
      channel.send(3),
    ]
    if (round % 2 === 0) await turns(round % 4)
    controller.abort(new Error('enough'))
    const received = [channel.receive(), channel.receive()]
    const outcomes = await Promise.allSettled(sends.slice(0, 2))
    channel.close()
    const all: number[] = await Promise.all(received)
    for await (const item of channel) all.push(item)
    const sent = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []))
    t.deepEqual(all, [0, ...sent, 3])
  }
})

test('a cancelled or late receive takes no item with it', async (t) => {
  const channel = new Channel<number>({ capacity: 10 })
  let taken = 0
  for (let round = 0; round < 300; round++) {
    const controller = new AbortController()
    const outcome = Promise.allSettled([
      channel.receive({ signal: controller.signal }),
      channel.receiveMany(3, { signal: controller.signal, timeout: 1 }),
      channel.receive({ timeout: 0 }),
      channel.receive({ timeout: round % 2 }),
    ])
    if (round % 3 === 0) controller.abort()
    if (round % 2 === 0) channel.trySend(round)
    await turns(round % 3)
    controller.abort()
    for (const { status } of await outcome) if (status === 'fulfilled') taken++
  }
  for (;;) {
    if (!channel.tryReceive()) break
    taken++
  }
  t.is(taken, 150)
})

test('a signal that has aborted ends a call before anything happens', async (t) => {
  const channel = new Channel<number>()
  const reason = new Error('no')
  const signal = AbortSignal.abort(reason)
  await channel.send(1)
  for (const call of [
    () => channel.send(2, { signal }),
    () => channel.sendMany([2], { signal }),
    () => channel.receive({ signal }),
    () => channel.receiveMany(2, { signal }),
    () => channel.lease({ signal }),
  ]) {
    t.is(await t.throwsAsync(call()), reason)
  }
  t.deepEqual(await channel.receiveMany(9), [1])
})

test('receivers that wait are served in the order of their calls', async (t) => {
  const channel = new Channel<number>()
  const loop = channel[Symbol.asyncIterator]()
  const receiving = [
    channel.receive(),
    channel.receiveMany(2),
    loop.next(),
    channel.lease(),
    channel.receive(),
  ]
  await turns(2)
  for (let n = 0; n < 6; n++) await channel.send(n)
  const [first, many, next, lease, last] = (await Promise.all(receiving)) as [
    number,
    number[],
    IteratorResult<number>,
    Lease<number>,
    number,
  ]
  const all = [
    first,
    ...many,
    next.value,
    lease.item,
    last,
    ...(await channel.receiveMany(9, { timeout: 0 }).catch(() => [])),
  ]
  t.deepEqual(all, [0, 1, 2, 3, 4, 5].slice(0, all.length))
  lease.settle()
})

test('close: waiting sends complete, receivers get all of it, then the end', async (t) => {
  const channel = new Channel<number>({ capacity: 2 })
  const sends = [channel.send(0), channel.sendMany([1, 2, 3]), channel.send(4)]
  channel.close()
  channel.close()
  t.true(channel.closed)
  for (const refused of [channel.send(9), channel.sendMany([9])]) {
    await t.throwsAsync(refused, { instanceOf: ClosedError, code: 'ERR_MILLRACE_CLOSED' })
  }
  t.throws(() => channel.trySend(9), { instanceOf: ClosedError })
  t.is(await channel.receive(), 0)
  const rest: number[] = []
  for await (const item of channel) rest.push(item)
  t.deepEqual(rest, [1, 2, 3, 4])
  await Promise.all(sends)
  await t.throwsAsync(channel.receive(), { instanceOf: ClosedError })
  t.throws(() => channel.tryReceive(), { instanceOf: ClosedError })
  await t.throwsAsync(channel.lease(), { instanceOf: ClosedError })
  t.deepEqual(await channel.receiveMany(3), [])
  for await (const _ of channel) t.fail('there is nothing more')
})

test('close ends the receives that wait', async (t) => {
  const channel = new Channel<number>()
  const receiving = channel.receive()
  const many = channel.receiveMany(3)
  const next = channel[Symbol.asyncIterator]().next()
  await turns()
  channel.close()
  await t.throwsAsync(receiving, { instanceOf: ClosedError })
  t.deepEqual(await many, [])
  t.deepEqual(await next, { done: true, value: undefined })
})

test('abort ends all that waits, and gives what was queued to the first caller', async (t) => {
  const channel = new Channel<unknown>({ capacity: 4 })
  await channel.sendMany(['a', { b: 1 }])
  void channel.send('staged')
  const empty = new Channel<number>()
  const waiting = [empty.receive(), empty.receiveMany(2), empty[Symbol.asyncIterator]().next(), empty.lease()]
  const reason = new Error('enough')
  t.deepEqual(channel.abort(reason), ['a', { b: 1 }, 'staged'])
  t.deepEqual(channel.abort(), [])
  t.deepEqual(empty.abort(reason), [])
  for (const wait of waiting) {
    const error = await t.throwsAsync(wait, {
      instanceOf: AbortedError,
      message: 'the channel was aborted: enough',
    })
    t.is(error?.cause, reason)
  }
  await t.throwsAsync(channel.send(1), { instanceOf: AbortedError })
  await t.throwsAsync(channel.receive(), { instanceOf: AbortedError })
  await t.throwsAsync(channel.receiveMany(1), { instanceOf: AbortedError })
  t.throws(() => channel.trySend(1), { instanceOf: AbortedError })
  t.throws(() => channel.tryReceive(), { instanceOf: AbortedError })
  await t.throwsAsync(
    (async () => {
      for await (const _ of channel) t.fail('it was aborted')
    })(),
    { instanceOf: AbortedError },
  )
  t.true(channel.closed)
})

test('abort and close race with everything, and each item has one fate', async (t) => {
  for (let round = 0; round < 100; round++) {
    const channel = new Channel<number>({ capacity: 1 + (round % 7) })
    let sent = 0
    let received = 0
    const senders = [0, 1].map(async () => {
      for (;;) {
        await channel.send(1)
        sent++
      }
    })
    const receivers = [
      (async () => {
        for await (const _ of channel) received++
      })(),
      (async () => {
        for (;;) {
          const items = await channel.receiveMany(2)
          received += items.length
          if (items.length === 0) return
        }
      })(),
    ]
    await turns(round % 4)
    const back = round % 2 === 0 ? channel.abort().length : 0
    channel.close()
    await Promise.allSettled([...senders, ...receivers])
    t.is(sent, received + back, `round ${round}`)
    t.is(channel.length, 0)
    t.is(channel.stats().discarded, 0)
  }
})

test('a loop that is left loses nothing of what it has not seen', async (t) => {
  for (let round = 0; round < 60; round++) {
    const channel = new Channel<number>({ capacity: 1000 })
    const items = [...Array(500).keys()]
    await channel.sendMany(items)
    const seen: number[] = []
    const leave = 1 + round * 7
    try {
      for await (const item of channel) {
        seen.push(item)
        if (seen.length < leave) continue
        if (round % 3 === 0) break
        if (round % 3 === 1) throw new Error('left')
        channel.close()
      }
    } catch {}
    t.is(channel.length, 500 - seen.length)
    channel.close()
    const loop = channel[Symbol.asyncIterator]()
    for (let more = 0; more < 9; more++) {
      const { done, value } = await loop.next()
      if (!done) seen.push(value)
    }
    await loop.return?.()
    t.deepEqual(await loop.next(), { done: true, value: undefined })
    for (;;) {
      const rest = await channel.receiveMany(100)
      if (rest.length === 0) break
      seen.push(...rest)
    }
    t.deepEqual(seen, items)
  }
})

test('other calls find what a loop has taken ahead', async (t) => {
  const channel = new Channel<number>({ capacity: 1000 })
  await channel.sendMany([...Array(1000).keys()])
  const seen: number[] = []
  for await (const item of channel) {
    seen.push(item)
    if (item % 10 === 3) seen.push(await channel.receive())
    if (item % 10 === 5) seen.push(channel.tryReceive()?.value as number)
    if (item % 10 === 7) seen.push(...(await channel.receiveMany(3)))
    if (item % 100 === 1) {
      using lease = await channel.lease()
      seen.push(lease.item)
      lease.settle()
    }
    if (seen.length === 1000) break
  }
  t.deepEqual(seen, [...Array(1000).keys()])
})

test('a loop left while its next item is awaited takes none', async (t) => {
  const channel = new Channel<number>()
  const loop = channel[Symbol.asyncIterator]()
  const next = loop.next()
  await turns()
  await loop.return?.()
  t.deepEqual(await next, { done: true, value: undefined })
  await channel.send(1)
  await turns()
  t.is(channel.length, 1)
})

test('a lease is settled, retried, or disposed of, once', async (t) => {
  const channel = new Channel<string>({ capacity: 1 })
  await channel.send('a')
  const first = await channel.lease()
  t.is(first.item, 'a')
  t.is(first.attempt, 1)
  t.is(channel.length, 0)
  t.true(channel.trySend('b'), 'a lease holds no room')
  first.retry(new Error('once more'))
  t.throws(() => first.retry(), { code: 'ERR_MILLRACE_INVALID_STATE' })
  t.throws(() => first.settle(), { code: 'ERR_MILLRACE_INVALID_STATE' })
  first[Symbol.dispose]()
  {
    using second = await channel.lease()
    t.is(second.item, 'a')
    t.is(second.attempt, 2)
    t.is(second.id, first.id)
  }
  const third = await channel.lease()
  t.is(third.attempt, 3)
  third.settle()
  const other = await channel.lease()
  t.is(other.item, 'b')
  t.not(other.id, first.id)
  channel.close()
  const end = channel.receive()
  await turns(2)
  t.is(channel.stats().leased, 1)
  other.settle()
  await t.throwsAsync(end, { instanceOf: ClosedError })
})

test('after an abort a lease that is given back is discarded', async (t) => {
  const channel = new Channel<string>()
  await channel.sendMany(['a', 'b'])
  const leases = [await channel.lease(), await channel.lease()] as const
  channel.abort()
  leases[0].retry()
  leases[1].settle()
  t.is(channel.stats().discarded, 1)
  t.is(channel.stats().leased, 0)
})

test('maxWaiting bounds the sends that wait', async (t) => {
  const channel = new Channel<number>({ capacity: 1, maxWaiting: 2 })
  await channel.send(0)
  const waiting = [channel.send(1), channel.sendMany([2, 3])]
  await t.throwsAsync(channel.send(9), { code: 'ERR_MILLRACE_FULL' })
  const refused = await t.throwsAsync(channel.sendMany([9, 9]), { code: 'ERR_MILLRACE_FULL' })
  t.is((refused as unknown as { accepted: number }).accepted, 0)
  const received: number[] = []
  while (received.length < 4) received.push(await channel.receive())
  await Promise.all(waiting)
  t.deepEqual(received, [0, 1, 2, 3])
})

test('a timer fires while a loop sends, and another receives', async (t) => {
  const channel = new Channel<string>({ capacity: 100 })
  let over = false
  let items = 0
  const sender = (async () => {
    while (!over) await channel.send('item')
    channel.close()
  })()
  const receiver = (async () => {
    for await (const _ of channel) items++
  })()
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  await until(() => ticks === 20)
  clearInterval(timer)
  over = true
  await Promise.all([sender, receiver])
  t.true(items > 0)
})

test('a timer fires while everything completes at once', async (t) => {
  for (const operation of ['send', 'receive', 'receiveMany', 'next'] as const) {
    const channel = new Channel<number>({ capacity: 1_000_000 })
    if (operation !== 'send') await channel.sendMany(new Array(1_000_000).fill(1))
    const loop = channel[Symbol.asyncIterator]()
    let fired = false
    setTimeout(() => {
      fired = true
    }, 5)
    let done = 0
    while (!fired && done < 1_000_000) {
      done++
      if (operation === 'send') await channel.send(1)
      else if (operation === 'next') await loop.next()
      else if (operation === 'receive') await channel.receive()
      else await channel.receiveMany(1)
    }
    t.true(fired, operation)
  }
})

test('what is staged leaves by the end of the turn', async (t) => {
  const channel = new Channel<number>()
  const other = Channel.attach<number>(channel.token)
  void channel.send(1)
  void other.send(2)
  const first = await new Promise((resolve) => setImmediate(() => resolve(other.tryReceive())))
  t.deepEqual(first, { value: 1 })
  t.deepEqual(channel.tryReceive(), { value: 2 })
})

test('an id and headers go with an item, through every attempt', async (t) => {
  const channel = new Channel<unknown>()
  const headers = { 'content-type': 'text', '': '\ud800', ['__proto__']: 'x' }
  void channel.send('staged')
  await channel.send({ a: 1 }, { id: 'mine', headers })
  await channel.sendMany([1, 2], { headers: { of: 'both' }, timeout: 5 })
  await channel.send('last')
  const seen: unknown[] = []
  const ids = new Set<string>()
  while (channel.length > 0) {
    const lease = await channel.lease()
    lease.retry()
    const { item, id, headers, attempt } = await channel.lease()
    t.deepEqual([item, id, headers, attempt], [lease.item, lease.id, lease.headers, 2])
    ids.add(id)
    seen.push([item, headers])
  }
  t.is(ids.size, 5)
  t.true(ids.has('mine'))
  t.deepEqual(seen, [
    ['staged', {}],
    [{ a: 1 }, headers],
    [1, { of: 'both' }],
    [2, { of: 'both' }],
    ['last', {}],
  ])
})

test('an item that cannot be read ends one wait with an error, and no other', async (t) => {
  const channel = new Channel<unknown>()
  const { Module } = Reflect.get(globalThis, 'WebAssembly')
  const unreadable = new Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))
  const receiving = [channel.receive(), channel.receive()]
  await turns()
  // The serializer leaves it out without an error, and nobody looks for it behind a map.
  await channel.send([new Map(), unreadable])
  await channel.send('next')
  await t.throwsAsync(receiving[0] as Promise<unknown>, { message: /deserialize/ })
  t.is(await receiving[1], 'next')
})
