import test from 'ava'
import { Channel, type ChannelOptions, ProducerConsumerSystem, select } from '../src/index.js'
import { assertSaid, runFile, runProgram } from './helpers/program.js'

test('a finished program exits by itself', async (t) => {
  assertSaid(
    t,
    await runProgram(
      t,
      `const system = new ProducerConsumerSystem({ source: sequence({ limit: 1000 }), handler: noop() })
      await system.start()
      console.log((await system.finished).processed)`,
    ),
    '1000',
  )
})

test('a program that does not wait lives until its source has ended and all is settled', async (t) => {
  assertSaid(
    t,
    await runProgram(
      t,
      `let handled = 0
      const system = new ProducerConsumerSystem({
        source: sequence({ of: 'number', limit: 20, delay: 1 }),
        handler: async () => { handled++ },
      })
      void system.start()
      process.on('exit', () => console.log(handled))`,
    ),
    '20',
  )
})

test('what is queued keeps the process alive, idle consumers do not', async (t) => {
  for (const handler of ['sleep(1)', 'async () => { await null; handled++ }', '() => { handled++ }']) {
    const ended = await runProgram(
      t,
      `let handled = 0
      const system = new ProducerConsumerSystem({ consumers: 1, handler: ${handler} })
      await system.start()
      for (let n = 0; n < 50; n++) system.trySend(n)
      process.on('exit', () => console.log(system.stats().processed))`,
    )
    assertSaid(t, ended, '50')
  }
})

test('a system that was never started keeps nothing alive', async (t) => {
  const ended = await runProgram(
    t,
    `const system = new ProducerConsumerSystem({ handler: noop() })
    system.trySend(1)
    console.log('end')`,
  )
  assertSaid(t, ended, 'end')
})

test('a handler under way keeps the process alive', async (t) => {
  assertSaid(
    t,
    await runProgram(
      t,
      `import { setTimeout } from 'node:timers/promises'
      // The timer itself does not.
      const wait = () => setTimeout(20, undefined, { ref: false })
      const system = new ProducerConsumerSystem({ handler: async () => { await wait(); console.log('handled') } })
      await system.start()
      await system.send(1)`,
    ),
    'handled',
  )
})

test('a reader that waits on an idle system does not keep the process alive', async (t) => {
  const ended = await runProgram(
    t,
    `const system = new ProducerConsumerSystem({ handler: (item) => item * 2, results: true })
    await system.start()
    ;(async () => { for await (const result of system.results()) console.log(result) })()
    await system.sendMany([1, 2])`,
  )
  assertSaid(t, ended, '2\n4')
})

test('a program can end in the middle of everything', async (t) => {
  const systems: Record<string, string> = {
    'native producers and consumers': 'source: sequence(), handler: sleep([0, 5])',
    'native producers and a function': 'source: sequence({ of: "number" }), handler: () => {}',
    'an asynchronous function': 'source: sequence({ of: "number" }), handler: async () => {}',
    'a source function': 'source: async function* () { for (;;) yield 1 }, handler: noop()',
  }
  for (const [what, options] of Object.entries(systems)) {
    const ended = await runProgram(
      t,
      `const system = new ProducerConsumerSystem({ ${options} })
      await system.start()
      setTimeout(() => { console.log('bye'); process.exit(0) }, 50)`,
    )
    t.deepEqual(ended, { code: 0, signal: null, stdout: 'bye\n', stderr: '' }, what)
  }
})

test('a handler can end the process', async (t) => {
  const ended = await runProgram(
    t,
    `const system = new ProducerConsumerSystem({
      source: sequence({ of: 'number' }),
      handler: (item) => { if (item === 5000) process.exit(console.log('bye') ?? 7) },
    })
    await system.start()`,
  )
  t.deepEqual(ended, { code: 7, signal: null, stdout: 'bye\n', stderr: '' })
})

test('an uncaught exception ends the process as ever', async (t) => {
  const ended = await runProgram(
    t,
    `const system = new ProducerConsumerSystem({ source: sequence(), handler: sleep(1) })
    await system.start()
    setTimeout(() => { throw new Error('unrelated') }, 20)`,
  )
  t.is(ended.code, 1)
  t.regex(ended.stderr, /Error: unrelated/)
})

test('nothing that fails becomes an unhandled rejection', async (t) => {
  assertSaid(
    t,
    await runProgram(
      t,
      `let unhandled = 0
      process.on('unhandledRejection', () => unhandled++)
      const fail = async () => { throw new Error('no') }
      const failing = new ProducerConsumerSystem({ source: async function* () { yield 1; throw new Error('no') }, handler: fail })
      await failing.start()
      const aborted = new ProducerConsumerSystem({ handler: () => new Promise(() => {}), results: true })
      await aborted.start()
      await aborted.send(1)
      aborted.results().next().catch(() => {})
      aborted.abort(new Error('enough'))
      const stopped = new ProducerConsumerSystem({ handler: fail })
      await stopped.start()
      await stopped.sendMany([1, 2, 3])
      stopped.stop({ timeout: 1 })
      const signalled = new ProducerConsumerSystem({ handler: fail, signal: AbortSignal.timeout(1) })
      await signalled.start()
      process.on('exit', () => console.log(unhandled))`,
    ),
    '0',
  )
})

/** A program whose worker runs `source`, and which then goes on with `main`. */
function withWorker(source: string, main: string): string {
  const module = `
    import { parentPort, workerData } from 'node:worker_threads'
    const { ProducerConsumerSystem, sequence, sleep, noop } = await import(workerData)
    ${source}`
  return `
    import { Worker } from 'node:worker_threads'
    const module = 'data:text/javascript,' + encodeURIComponent(${JSON.stringify(module)})
    const worker = new Worker(new URL(module), { workerData: library })
    const exited = new Promise((resolve) => worker.on('exit', resolve))
    ${main}`
}

test('a worker can be terminated in the middle of a handler', async (t) => {
  for (const handler of [
    '() => {}',
    'async () => {}',
    '() => new Promise(() => {})',
    '() => { for (;;); }',
  ]) {
    const ended = await runProgram(
      t,
      withWorker(
        `let calls = 0
        const system = new ProducerConsumerSystem({ source: sequence({ of: 'number' }), handler: () => {
          if (calls++ === 0) parentPort.postMessage('at work')
          return (${handler})()
        } })
        await system.start()`,
        `await new Promise((resolve) => worker.once('message', resolve))
        await worker.terminate()
        console.log('terminated')`,
      ),
    )
    assertSaid(t, ended, 'terminated')
  }
})

test('a worker that ends with a system at work leaves nothing behind', async (t) => {
  const ended = await runProgram(
    t,
    withWorker(
      `const system = new ProducerConsumerSystem({ producers: 3, source: sequence(), handler: sleep(1) })
      await system.start()
      await system.idle()
      process.exit(3)`,
      `import { readdirSync, readFileSync } from 'node:fs'
      console.log(await exited)
      const names = () => readdirSync('/proc/self/task').map((id) => {
        try { return readFileSync('/proc/self/task/' + id + '/comm', 'utf8') } catch { return '' }
      })
      while (names().some((name) => name.startsWith('millrace'))) await new Promise((resolve) => setTimeout(resolve, 5))
      console.log('no threads')`,
    ),
  )
  assertSaid(t, ended, '3\nno threads')
})

test('each worker has systems of its own', async (t) => {
  const ended = await runProgram(
    t,
    withWorker(
      `const system = new ProducerConsumerSystem({ source: sequence({ of: 'number', limit: 1000 }), handler: async () => {} })
      await system.start()
      parentPort.postMessage((await system.finished).processed)`,
      `worker.on('message', (processed) => console.log('worker', processed))
      const system = new ProducerConsumerSystem({ source: sequence({ of: 'number', limit: 2000 }), handler: async () => {} })
      await system.start()
      const { processed } = await system.finished
      await exited
      console.log('main', processed)`,
    ),
  )
  assertSaid(t, ended, 'worker 1000\nmain 2000')
})

test('a handler that runs for long does not hold up what the event loop has to do', async (t) => {
  assertSaid(
    t,
    await runProgram(
      t,
      `const system = new ProducerConsumerSystem({ source: sequence({ of: 'number' }), handler: () => {} })
      await system.start()
      let fired = 0
      const timer = setInterval(() => {
        if (++fired < 10) return
        clearInterval(timer)
        system.abort().then(() => console.log('stopped'))
      }, 5)`,
    ),
    'stopped',
  )
})

test('a process lives until whoever reads results has those of all that was sent', async (t) => {
  const module = new URL('./modules/plain.js', import.meta.url).href
  // Nothing but the results that are to come keeps it alive, and items are settled in bursts, by more workers than cores.
  const ended = await runFile(
    t,
    `const { handlerModule } = await import(library)
    const system = new ProducerConsumerSystem({ consumers: 5, handler: handlerModule(new URL('${module}')) })
    const results = system.results()
    await system.start()
    for (let round = 0; round < 5000; round++) {
      const size = 1 + (round * 7919) % 40
      await system.sendMany(Array.from({ length: size }, (_, n) => n))
      let sum = 0
      for (let n = 0; n < size; n++) sum += (await results.next()).value
      if (sum !== size * (size - 1)) throw new Error('expected each result once')
    }
    await system.stop()
    console.log('all')`,
  )
  assertSaid(t, ended, 'all')
})

test('a loop over what is refused at once lets a timer run, too', async (t) => {
  const one = async (options: ChannelOptions): Promise<Channel<number>> => {
    const channel = new Channel<number>(options)
    await channel.send(0)
    return channel
  }
  const closed = new Channel<number>()
  closed.close()
  const empty = new Channel<number>()
  const full = await one({ capacity: 1 })
  const rejecting = await one({ capacity: 1, overflow: 'reject' })
  const crowded = await one({ capacity: 1, maxWaiting: 0 })
  const system = new ProducerConsumerSystem<number>({ capacity: 1, overflow: 'reject', handler: () => {} })
  await system.send(0)
  const stopped = new ProducerConsumerSystem<number>({ handler: () => {} })
  await stopped.stop()
  const timeout = 0
  const refused: Record<string, () => Promise<unknown>> = {
    'send, full': () => rejecting.send(1),
    'sendMany, full': () => rejecting.sendMany([1, 2]),
    'send, crowded': () => crowded.send(1),
    'sendMany, crowded': () => crowded.sendMany([1, 2]),
    'send, late': () => full.send(1, { timeout }),
    'sendMany, late': () => full.sendMany([1, 2], { timeout }),
    'send, closed': () => closed.send(1),
    'sendMany, closed': () => closed.sendMany([1, 2]),
    'receive, late': () => empty.receive({ timeout }),
    'receiveMany, late': () => empty.receiveMany(2, { timeout }),
    'lease, late': () => empty.lease({ timeout }),
    'select, late': () => select([empty.receiving()], { timeout }),
    'receive, aborted': () => empty.receive({ signal: AbortSignal.abort(new Error('enough')) }),
    'receive, closed': () => closed.receive(),
    'lease, closed': () => closed.lease(),
    'send to a system, full': () => system.send(1),
    'sendMany to a system, full': () => system.sendMany([1, 2]),
    'run, full': () => system.run(1),
    'run with options, full': () => system.run(1, {}),
    'send to a system, stopped': () => stopped.send(1),
    'run, stopped': () => stopped.run(1),
  }
  for (const [name, call] of Object.entries(refused)) {
    let fired = false
    const timer = setTimeout(() => {
      fired = true
    }, 1)
    for (const end = performance.now() + 2000; !fired && performance.now() < end; )
      await t.throwsAsync(call, undefined, name)
    clearTimeout(timer)
    t.true(fired, name)
  }
})

test('fake timers of a test stop no operation', async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel } = await import(library)
    const { mock } = await import('node:test')
    mock.timers.enable()
    const channel = new Channel({ capacity: 1 })
    const received = []
    const system = new ProducerConsumerSystem({ handler: async (item, context) => { if (item < 3) await context.send(item + 1) } })
    await system.start()
    await system.send(0)
    await system.idle()
    const sending = (async () => { for (let n = 0; n < 20_000; n++) await channel.send(n) })()
    for (let n = 0; n < 20_000; n++) received.push(await channel.receive())
    await sending
    console.log(received.length, (await system.stop()).processed)`,
    ['--no-warnings'],
  )
  assertSaid(t, ended, '20000 4')
})

/** How often the event loop turned while `work` kept it busy, apart from turns of less than a ms. */
async function turnsDuring(work: () => Promise<void>): Promise<number> {
  let count = 0
  let last = performance.now()
  let immediate: NodeJS.Immediate
  const look = (): void => {
    const now = performance.now()
    if (now - last > 1) count++
    last = now
    immediate = setImmediate(look)
  }
  immediate = setImmediate(look)
  await work()
  clearImmediate(immediate)
  return count
}

const spin = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** Of operations that take 2 ms each, so that a turn is due after a few of them. */
const SLOW = 200
const LEAST_TURNS = SLOW / 8

test.serial('the event loop has its turns while results are read slowly that are all there', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (item: number) => item, results: true, consumers: 1 })
  const results = system.results()
  await system.start()
  await system.sendMany(Array.from({ length: SLOW }, (_, n) => n))
  await system.idle()
  const turns = await turnsDuring(async () => {
    for await (const result of results) {
      spin(2)
      if (result === SLOW - 1) break
    }
  })
  t.true(turns >= LEAST_TURNS, `${turns} turns`)
  await system.stop()
})

test.serial('the event loop has its turns while handlers go on in the ticks of one turn', async (t) => {
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: async (_: number) => {
      await new Promise<void>((resolve) => process.nextTick(resolve))
      spin(2)
    },
  })
  await system.start()
  const turns = await turnsDuring(async () => {
    await system.sendMany(Array.from({ length: SLOW }, (_, n) => n))
    await system.idle()
  })
  t.true(turns >= LEAST_TURNS, `${turns} turns`)
  await system.stop()
})

test.serial(
  'the event loop has its turns while a source is slow, however quick its handler is',
  async (t) => {
    const system = new ProducerConsumerSystem({
      source: function* () {
        for (let n = 0; n < 1000; n++) yield n
        for (let n = 0; n < SLOW; n++) {
          spin(2)
          yield n
        }
      },
      handler: (_: number) => {},
    })
    const turns = await turnsDuring(async () => {
      await system.start()
      await system.finished
    })
    t.true(turns >= LEAST_TURNS, `${turns} turns`)
  },
)

test('fake timers of a test leave no look behind that comes too late', async (t) => {
  const ended = await runProgram(
    t,
    `const { mock } = await import('node:test')
    mock.timers.enable({ apis: ['setImmediate', 'setTimeout', 'setInterval'] })
    const system = new ProducerConsumerSystem({
      consumers: 4,
      capacity: 1,
      key: (item) => String(item % 4),
      handler: async (item, context) => { if (item < 6) await context.send(item + 10) },
    })
    await system.start()
    for (let item = 0; item < 6; item++) await system.send(item)
    await system.idle()
    const { processed } = await system.stop()
    const { stat } = await import('node:fs/promises')
    for (let turn = 0; turn < 10; turn++) await stat('.')
    console.log(processed)`,
    ['--no-warnings'],
  )
  assertSaid(t, ended, '12')
})
