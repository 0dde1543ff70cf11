import { BroadcastChannel, MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import test from 'ava'
import {
  Channel,
  type ChannelToken,
  ClosedError,
  DetachedError,
  InvalidOptionError,
  StaleTokenError,
} from '../src/index.js'
import { turns } from './helpers/gate.js'
import { assertSaid, runFile, runProgram } from './helpers/program.js'
import { Thread } from './helpers/worker.js'

test('a token travels by workerData, postMessage and BroadcastChannel', async (t) => {
  const channel = new Channel<string>()
  const thread = new Thread(
    t,
    `import { BroadcastChannel } from 'node:worker_threads'
    const broadcast = new BroadcastChannel('millrace-test')
    const broadcasted = new Promise((resolve) => { broadcast.onmessage = ({ data }) => resolve(data) })
    await Channel.attach(data.token).send('workerData')
    say('ready')
    await Channel.attach(await heard()).send('postMessage')
    say('ready')
    await Channel.attach(await broadcasted).send('BroadcastChannel')
    broadcast.close()`,
    { token: channel.token },
  )
  t.is(await channel.receive(), 'workerData')
  await thread.said()
  thread.tell(channel.token)
  t.is(await channel.receive(), 'postMessage')
  await thread.said()
  const broadcast = new BroadcastChannel('millrace-test')
  broadcast.postMessage(channel.token)
  t.is(await channel.receive(), 'BroadcastChannel')
  broadcast.close()
})

test('a token is a plain object that cannot be guessed', (t) => {
  const tokens = Array.from({ length: 100 }, () => new Channel().token)
  t.is(new Set(tokens.map(({ id }) => id)).size, 100)
  for (const token of tokens) {
    t.deepEqual(Object.keys(token).sort(), ['handle', 'id'])
    t.regex(token.id, /^[0-9a-f]{32}$/)
    t.deepEqual(structuredClone(token), token)
    const { port1, port2 } = new MessageChannel()
    port1.postMessage(token)
    t.deepEqual(receiveMessageOnPort(port2)?.message, token)
    port1.close()
  }
})

test('what is no token is told apart from a token whose channel is gone', (t) => {
  for (const bad of [
    undefined,
    null,
    1,
    'token',
    [],
    {},
    { handle: 1 },
    { handle: '1', id: '0'.repeat(32) },
    { handle: 1, id: 'x'.repeat(32) },
    { handle: -1, id: '0'.repeat(32) },
    { handle: 2 ** 32, id: '0'.repeat(32) },
    { handle: 0.5, id: '0'.repeat(32) },
  ]) {
    t.throws(() => Channel.attach(bad as unknown as ChannelToken), {
      instanceOf: InvalidOptionError,
      code: 'ERR_MILLRACE_INVALID_OPTION',
    })
  }
  const channel = new Channel()
  const { handle, id } = channel.token
  const stale = { instanceOf: StaleTokenError, code: 'ERR_MILLRACE_STALE_TOKEN' }
  for (const forged of [
    { handle, id: '0'.repeat(32) },
    { handle: handle + 1000, id },
    { handle: handle + 1, id },
  ]) {
    t.throws(() => Channel.attach(forged), stale)
  }
  channel.close()
  const still = Channel.attach(channel.token)
  t.true(still.closed, 'while anyone is attached')
  still[Symbol.dispose]()
  const { token } = channel
  channel[Symbol.dispose]()
  t.throws(() => Channel.attach(token), stale)
})

test('a token pins the channel until it is closed and drained', async (t) => {
  const tokens = await (async () => {
    const channel = new Channel<number>()
    const { token } = channel
    await channel.sendMany([1, 2])
    channel[Symbol.dispose]()
    return token
  })()
  {
    using attached = Channel.attach(tokens)
    t.true(attached.closed)
    t.is(await attached.receive(), 1)
  }
  {
    using attached = Channel.attach(tokens)
    t.is(await attached.receive(), 2)
    await t.throwsAsync(attached.receive(), { code: 'ERR_MILLRACE_CLOSED' })
  }
  t.throws(() => Channel.attach(tokens), { instanceOf: StaleTokenError })
})

test('a token does not pin an aborted channel', async (t) => {
  const channel = new Channel<number>()
  const { token } = channel
  channel.abort()
  channel[Symbol.dispose]()
  t.throws(() => Channel.attach(token), { instanceOf: StaleTokenError })
})

test('the end of the thread that made a channel ends its pin', async (t) => {
  const thread = new Thread(
    t,
    `const channel = new Channel()
    await channel.send('kept')
    // What was sent in the turn in which a thread is terminated may be lost.
    await new Promise(setImmediate)
    say(channel.token)
    await heard()`,
  )
  const token = await thread.said<ChannelToken<string>>()
  const attached = Channel.attach(token)
  await thread.worker.terminate()
  t.is(await attached.receive(), 'kept')
  await attached.send('more')
  const again = Channel.attach(token)
  attached[Symbol.dispose]()
  t.is(await again.receive(), 'more')
  again[Symbol.dispose]()
  t.throws(() => Channel.attach(token), { instanceOf: StaleTokenError })
})

test('a lease that went back with its handle is disposed of without an error', async (t) => {
  const channel = new Channel<number>()
  const attached = Channel.attach<number>(channel.token)
  await channel.sendMany([1, 2])
  const [first, second] = [await attached.lease(), await attached.lease()]
  attached[Symbol.dispose]()
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  t.throws(() => second.settle(), { instanceOf: DetachedError })
  t.deepEqual(await channel.receiveMany(3), [1, 2])
  channel[Symbol.dispose]()
})

test('a handle that was disposed of is refused by every call', async (t) => {
  const channel = new Channel<number>()
  const attached = Channel.attach<number>(channel.token)
  await channel.send(1)
  attached[Symbol.dispose]()
  attached[Symbol.dispose]()
  const refused = { instanceOf: DetachedError, code: 'ERR_MILLRACE_DETACHED' }
  await t.throwsAsync(attached.send(1), refused)
  await t.throwsAsync(attached.sendMany([1]), refused)
  await t.throwsAsync(attached.receive(), refused)
  await t.throwsAsync(attached.receiveMany(1), refused)
  await t.throwsAsync(attached.lease(), refused)
  await t.throwsAsync(attached[Symbol.asyncIterator]().next(), refused)
  for (const call of [
    () => attached.trySend(1),
    () => attached.tryReceive(),
    () => attached.sendSync(1),
    () => attached.receiveSync(),
    () => attached.close(),
    () => attached.abort(),
    () => attached.stats(),
    () => attached.token,
  ]) {
    t.throws(call, refused)
  }
  t.is(attached.length, 0)
  t.true(attached.closed)
  t.is(attached.capacity, 1000)
  t.false(channel.closed)
  t.is(await channel.receive(), 1)
})

test('disposing of a handle ends its receives, gives back its leases, and leaves its sends', async (t) => {
  const channel = new Channel<number>({ capacity: 2 })
  const attached = Channel.attach<number>(channel.token)
  await channel.sendMany([1, 2])
  const lease = await attached.lease()
  await channel.send(3)
  const sending = attached.sendMany([4, 5])
  const other = new Channel<number>()
  const gone = Channel.attach<number>(other.token)
  const receiving = gone.receive()
  const next = gone[Symbol.asyncIterator]().next()
  await turns()
  gone[Symbol.dispose]()
  await t.throwsAsync(receiving, { instanceOf: DetachedError })
  await t.throwsAsync(next, { instanceOf: DetachedError })
  await other.send(1)
  t.is(other.length, 1)
  attached[Symbol.dispose]()
  t.throws(() => lease.settle(), { instanceOf: DetachedError })
  const received: number[] = []
  while (received.length < 5) received.push(await channel.receive())
  t.deepEqual(received, [1, 2, 3, 4, 5])
  await sending
})

test('disposing of a handle gives back a lease that was granted and not yet seen', async (t) => {
  const channel = new Channel<number>()
  const attached = Channel.attach<number>(channel.token)
  await channel.send(1)
  const leasing = attached.lease()
  attached[Symbol.dispose]()
  const lease = await leasing
  t.throws(() => lease.settle(), { instanceOf: DetachedError })
  channel.close()
  t.is(await channel.receive({ timeout: 10_000 }), 1)
  await t.throwsAsync(channel.receive(), { instanceOf: ClosedError })
})

test('disposing of the handle that made a channel closes it', async (t) => {
  let attached: Channel<number>
  {
    using channel = new Channel<number>()
    attached = Channel.attach(channel.token)
    await channel.send(1)
    t.false(attached.closed)
  }
  t.true(attached.closed)
  t.is(await attached.receive(), 1)
  await t.throwsAsync(attached.receive(), { code: 'ERR_MILLRACE_CLOSED' })
})

test('sends that wait in a channel whose last handle goes end with an error', async (t) => {
  const channel = new Channel<number>({ capacity: 1 })
  await channel.send(1)
  const sending = channel.send(2)
  channel[Symbol.dispose]()
  await t.throwsAsync(sending, { code: 'ERR_MILLRACE_ABORTED', message: /no handle of it is left/ })
})

test('a handle that is collected frees its attachment, but not what its token pins', async (t) => {
  const ended = await runProgram(
    t,
    `const { setFlagsFromString } = await import('node:v8')
    const { runInNewContext } = await import('node:vm')
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc')
    const { Channel } = await import(library)
    const { binding } = await import(new URL('native.js', library))
    let detached = 0
    const { detachChannel } = binding
    binding.detachChannel = (channel) => { detached++; detachChannel(channel) }
    const tokens = []
    const use = async (n) => {
      const channel = new Channel()
      await channel.send(n)
      if (n < 5) tokens.push(channel.token)
      if (n === 9) globalThis.kept = channel.receiveMany(1).then(() => channel.receive())
    }
    for (let n = 0; n < 10; n++) await use(n)
    for (let round = 0; detached < 9 && round < 1000; round++) {
      gc()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const values = []
    for (const token of tokens) values.push(await Channel.attach(token).receive())
    console.log(detached, values.join())
    process.exit()`,
  )
  assertSaid(t, ended, '9 0,1,2,3,4')
})

test('a program ends by itself when nothing is pending, and not before', async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel } = await import(library)
    const channel = new Channel({ capacity: 2 })
    channel.token
    for await (const item of (async function* () { yield* [1, 2] })()) await channel.send(item)
    const lease = await channel.lease()
    const loop = channel[Symbol.asyncIterator]()
    await loop.next()
    setTimeout(() => channel.trySend('late'), 20).unref
    channel.receive().then((item) => console.log(item))`,
  )
  assertSaid(t, ended, 'late')
})

test('an operation that is pending keeps the process alive, one that was cancelled does not', async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel } = await import(library)
    const channel = new Channel({ capacity: 1 })
    await channel.send(1)
    const controller = new AbortController()
    const sends = Promise.allSettled([channel.send(2, { signal: controller.signal })])
    const receives = new Channel().receive({ signal: controller.signal }).catch(() => console.log('cancelled'))
    controller.abort()
    await sends
    await receives
    await new Channel().receive({ timeout: 5 }).catch(() => console.log('late'))
    void new Channel()[Symbol.asyncIterator]().return()`,
  )
  assertSaid(t, ended, 'cancelled\nlate')
})

test('a process can end in the middle of everything', async (t) => {
  const seed = Date.now() % 1000
  t.log(`seed ${seed}`)
  for (let round = 0; round < 8; round++) {
    const ended = await runProgram(
      t,
      `import { Worker } from 'node:worker_threads'
      const { Channel } = await import(library)
      const channel = new Channel({ capacity: 10 })
      const source = \`
        import { workerData } from 'node:worker_threads'
        const { Channel } = await import(\${JSON.stringify(library)})
        const channel = Channel.attach(workerData.token)
        for (let n = 0; ; n++) {
          if (workerData.n % 4 === 0) await channel.send({ n })
          else if (workerData.n % 4 === 1) channel.sendSync(n)
          else if (workerData.n % 4 === 2) await channel.receive()
          else { const lease = await channel.lease(); if (n % 2) lease.settle() }
        }\`
      const url = new URL('data:text/javascript,' + encodeURIComponent(source))
      for (let n = 0; n < 4; n++) new Worker(url, { workerData: { token: channel.token, n } })
      ;(async () => { for await (const item of channel); })()
      setTimeout(() => { console.log('bye'); process.exit(0) }, ${(seed * (round + 1)) % 150})`,
    )
    assertSaid(t, ended, 'bye')
  }
})

test('loaded in a hundred workers in turn, the library leaks no more than they do by themselves', async (t) => {
  t.timeout(120_000)
  const grown = async (inWorker: string): Promise<number> => {
    const ended = await runFile(
      t,
      `import { once } from 'node:events'
      import { Worker } from 'node:worker_threads'
      const source = new URL('data:text/javascript,' + encodeURIComponent(${inWorker}))
      const memory = []
      for (let n = 1; n <= 100; n++) {
        await once(new Worker(source), 'exit')
        if (n % 20 !== 0) continue
        gc()
        memory.push(process.memoryUsage.rss())
      }
      console.log(memory.at(-1) - memory[0])`,
      ['--expose-gc'],
    )
    t.is(ended.stderr, '')
    return Number(ended.stdout)
  }
  const control = await grown('`await import("node:v8")`')
  const program = `\`const { Channel } = await import(\${JSON.stringify(library)})
    const channel = new Channel({ capacity: 10 })
    await channel.send({ a: 1 })
    await channel.receive()
    await channel.sendMany([1, 'a', { b: 2 }])\``
  // A few pages more or less from run to run.
  const most = Math.max(control, 0) + 2 ** 20
  const runs = [await grown(program)]
  // What the allocators do differs from run to run, so one that looks like a leak is judged by the median of three.
  if ((runs[0] as number) > most) runs.push(await grown(program), await grown(program))
  const ours = runs.sort((one, other) => one - other)[runs.length >> 1] as number
  t.log(`grown by ${ours} bytes, and without the library by ${control}`)
  t.true(ours <= most, `grown by ${ours} bytes, and without the library by ${control}`)
})

test('what a loop had ahead goes back where its handle is disposed of, also where another handle lives', async (t) => {
  const channel = new Channel<number>()
  const other = Channel.attach(channel.token)
  await channel.sendMany(Array.from({ length: 300 }, (_, n) => n))
  const loop = other[Symbol.asyncIterator]()
  for (let n = 0; n < 40; n++) t.is((await loop.next()).value, n)
  // What is handed over has left it.
  t.is(channel.length, 260)
  t.is(channel.stats().queued, 260)
  other[Symbol.dispose]()
  const thread = new Thread(
    t,
    `const channel = Channel.attach(data.token)
    const got = []
    for (let n = 0; n < 260; n++) got.push(await channel.receive())
    say(got)`,
    { token: channel.token },
  )
  const got = await thread.said()
  t.deepEqual(
    got,
    Array.from({ length: 260 }, (_, n) => 40 + n),
  )
})
