import test from 'ava'
import { Channel, MainThreadError } from '../src/index.js'
import { until } from './helpers/gate.js'
import { assertSaid, runFile, runProgram } from './helpers/program.js'
import { Thread } from './helpers/worker.js'

test('blocking calls are refused on the main thread, and the channel stays usable', async (t) => {
  const channel = new Channel<number>()
  const refused = { instanceOf: MainThreadError, code: 'ERR_MILLRACE_MAIN_THREAD' }
  t.throws(() => channel.sendSync(1), refused)
  t.throws(() => channel.receiveSync({ timeout: 5 }), refused)
  t.is(channel.length, 0)
  await channel.send(2)
  t.is(await channel.receive(), 2)
})

test('a worker blocks until there is room, or an item', async (t) => {
  const there = new Channel<number>({ capacity: 1 })
  const back = new Channel<number>({ capacity: 1 })
  const thread = new Thread(
    t,
    `const there = Channel.attach(data.there)
    const back = Channel.attach(data.back)
    try {
      for (;;) back.sendSync(there.receiveSync() * 2)
    } catch (error) {
      say(error.code)
    }`,
    { there: there.token, back: back.token },
  )
  for (let n = 0; n < 500; n++) {
    await there.send(n)
    t.is(await back.receive(), n * 2)
  }
  await there.sendMany([1, 2, 3])
  await until(() => back.stats().waitingSends === 1)
  t.deepEqual([await back.receive(), await back.receive(), await back.receive()], [2, 4, 6])
  there.close()
  t.is(await thread.said(), 'ERR_MILLRACE_CLOSED')
})

test('a blocking call that is late, or comes to the end, throws', async (t) => {
  const full = new Channel<number>({ capacity: 1 })
  const empty = new Channel<number>()
  await full.send(1)
  const thread = new Thread(
    t,
    `const full = Channel.attach(data.full)
    const empty = Channel.attach(data.empty)
    const code = (call) => { try { call(); return 'done' } catch (error) { return error.code ?? error.message } }
    say([
      code(() => full.sendSync(2, { timeout: 0 })),
      code(() => full.sendSync(2, { timeout: 30 })),
      code(() => empty.receiveSync({ timeout: 0 })),
      code(() => empty.receiveSync({ timeout: 30 })),
      code(() => empty.receiveSync({ timeout: -1 })),
      code(() => empty.receiveSync({ signal: AbortSignal.abort(new Error('no')) })),
      code(() => full.sendSync(() => {})),
    ])
    say(code(() => full.sendSync(3)))
    say(code(() => empty.receiveSync()))`,
    { full: full.token, empty: empty.token },
  )
  t.deepEqual(await thread.said(), [
    'ERR_MILLRACE_TIMEOUT',
    'ERR_MILLRACE_TIMEOUT',
    'ERR_MILLRACE_TIMEOUT',
    'ERR_MILLRACE_TIMEOUT',
    'ERR_MILLRACE_INVALID_OPTION',
    'no',
    'ERR_MILLRACE_UNCLONEABLE',
  ])
  t.is(full.stats().queued, 1)
  await until(() => full.stats().waitingSends === 1)
  t.deepEqual(full.abort(), [1])
  t.is(await thread.said(), 'ERR_MILLRACE_ABORTED')
  empty.close()
  t.is(await thread.said(), 'ERR_MILLRACE_CLOSED')
})

test('a blocking send keeps its place in the queue', async (t) => {
  const channel = new Channel<number>({ capacity: 1 })
  await channel.send(0)
  const thread = new Thread(
    t,
    `const channel = Channel.attach(data.token)
    channel.sendSync(1)
    say('sent')`,
    { token: channel.token },
  )
  await until(() => channel.stats().waitingSends === 1)
  // Long enough for many slices: what comes later must not pass.
  const later = channel.send(2)
  const end = performance.now() + 120
  await until(() => performance.now() > end)
  t.is(await channel.receive(), 0)
  t.is(await thread.said(), 'sent')
  t.is(await channel.receive(), 1)
  t.is(await channel.receive(), 2)
  await later
})

test('a blocked worker can be terminated, and takes nothing with it', async (t) => {
  const full = new Channel<number>({ capacity: 1 })
  const empty = new Channel<number>()
  await full.send(1)
  const times: number[] = []
  for (let round = 0; round < 20; round++) {
    const thread = new Thread(
      t,
      `const full = Channel.attach(data.full)
      const empty = Channel.attach(data.empty)
      say('blocks')
      ${round % 2 === 0 ? 'full.sendSync(2)' : 'empty.receiveSync()'}`,
      { full: full.token, empty: empty.token },
    )
    await thread.said()
    if (round % 2 === 0) await until(() => full.stats().waitingSends === 1)
    const began = performance.now()
    await thread.worker.terminate()
    times.push(performance.now() - began)
    t.is(full.stats().waitingSends, 0)
  }
  times.sort((a, b) => a - b)
  t.true((times[10] as number) < 100, `terminated in ${times}`)
  t.deepEqual(full.tryReceive(), { value: 1 })
  await empty.send(3)
  t.is(await empty.receive(), 3)
})

test('a process with blocked workers exits at once', async (t) => {
  const ended = await runProgram(
    t,
    `import { Worker } from 'node:worker_threads'
    const { Channel } = await import(library)
    const full = new Channel({ capacity: 1 })
    const empty = new Channel()
    await full.send(1)
    const source = \`
      import { workerData, parentPort } from 'node:worker_threads'
      const { Channel } = await import(\${JSON.stringify(library)})
      const channel = Channel.attach(workerData.token)
      parentPort.postMessage('blocks')
      if (workerData.send) channel.sendSync(2)
      else channel.receiveSync()\`
    const url = new URL('data:text/javascript,' + encodeURIComponent(source))
    const workers = [0, 1, 2, 3].map((n) => new Worker(url, {
      workerData: n % 2 ? { token: full.token, send: true } : { token: empty.token },
    }))
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
    const began = performance.now()
    process.on('exit', () => process.stdout.write('exits\\n'))
    process.exit(0)`,
  )
  assertSaid(t, ended, 'exits')
})

test('a send that blocks counts as one that waits, and is refused beyond maxWaiting', async (t) => {
  const channel = new Channel<number>({ capacity: 1, maxWaiting: 2 })
  await channel.send(0)
  const waiting = channel.send(1)
  const threads = [0, 1].map(
    () =>
      new Thread(
        t,
        `const channel = Channel.attach(data.token)
        await heard()
        try { channel.sendSync(2); say('sent') } catch (error) { say(error.code) }`,
        { token: channel.token },
      ),
  )
  threads[0]?.tell('go')
  await until(() => channel.stats().waitingSends === 2)
  threads[1]?.tell('go')
  t.is(await threads[1]?.said(), 'ERR_MILLRACE_FULL')
  t.deepEqual([await channel.receive(), await channel.receive(), await channel.receive()], [0, 1, 2])
  await waiting
  t.is(await threads[0]?.said(), 'sent')
})

test('what run() was called with leaves before the thread blocks', async (t) => {
  const ended = await runFile(
    t,
    `const { Channel, handlerModule } = await import(library)
    const { Worker, isMainThread } = await import('node:worker_threads')
    if (isMainThread) new Worker(new URL(import.meta.url))
    else {
      const handler = \`import { Channel } from '\${library}'
        let channel
        export const init = (token) => { channel = Channel.attach(token) }
        export default (item) => channel.send(item * 2)\`
      const channel = new Channel()
      const module = new URL('data:text/javascript,' + encodeURIComponent(handler))
      const system = new ProducerConsumerSystem({ consumers: 1, handler: handlerModule(module, { init: channel.token }) })
      await system.start()
      const run = system.run(21)
      console.log(channel.receiveSync({ timeout: 5000 }))
      await run
      await system.stop()
    }`,
  )
  assertSaid(t, ended, '42')
})
