import test from 'ava'
import { hashFile, ProducerConsumerSystem, type SystemState, sequence, sleep } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, until } from './helpers/gate.js'

type System = ProducerConsumerSystem<number, void>

/** How to bring a system into each state; what it handles waits for the gate. */
const STATES: Record<SystemState, (system: System) => Promise<unknown>> = {
  ready: async () => {},
  running: (system) => system.start(),
  paused: async (system) => {
    await system.start()
    system.pause()
  },
  draining: async (system) => {
    await system.start()
    await system.send(1)
    void system.stop()
  },
  stopped: async (system) => {
    await system.start()
    await system.stop()
  },
  aborted: async (system) => {
    await system.start()
    await system.abort()
  },
}

type Move = 'start' | 'pause' | 'resume'

const LEGAL: Record<Move, SystemState[]> = {
  start: ['ready'],
  pause: ['running', 'paused'],
  resume: ['running', 'paused'],
}

for (const state of Object.keys(STATES) as SystemState[]) {
  for (const move of Object.keys(LEGAL) as Move[]) {
    const legal = LEGAL[move].includes(state)
    test(`${move} when ${state} is ${legal ? 'legal' : 'a StateError'}`, async (t) => {
      const gate = new Gate()
      const system: System = new ProducerConsumerSystem({ handler: () => gate.opened })
      await STATES[state](system)
      t.is(system.stats().state, state)
      const call = async (): Promise<void> => system[move]()
      if (legal) await t.notThrowsAsync(call())
      else {
        const error = await t.throwsAsync(call(), { name: 'StateError', code: 'ERR_MILLRACE_INVALID_STATE' })
        t.is(
          error?.message,
          `cannot ${move} a system that is ${state}: expected it to be ${expectedFor(move)}`,
        )
      }
      gate.open()
      assertConservation(t, await system.stop())
    })
  }

  test(`stop when ${state} ends it`, async (t) => {
    const gate = new Gate()
    const system: System = new ProducerConsumerSystem({ handler: () => gate.opened })
    await STATES[state](system)
    gate.open()
    const report = await system.stop()
    t.is(report.state, state === 'aborted' ? 'aborted' : 'stopped')
    t.deepEqual(report.unprocessed, [])
    assertConservation(t, report)
  })

  test(`abort when ${state} ends it`, async (t) => {
    const system: System = new ProducerConsumerSystem({ handler: () => new Promise(() => {}) })
    await STATES[state](system)
    const report = await system.abort(new Error('enough'))
    t.is(report.state, state === 'stopped' ? 'stopped' : 'aborted')
    assertConservation(t, report)
  })
}

function expectedFor(move: Move): string {
  return move === 'start' ? 'ready' : 'running or paused'
}

test('stop gives the same promise each time, and finished is the same report', async (t) => {
  const system = new ProducerConsumerSystem({ handler: (item: number) => item })
  await system.start()
  const stopped = system.stop()
  t.is(system.stop(), stopped)
  t.is(system.stop({ timeout: 1 }), stopped)
  const report = await stopped
  t.is(await system.finished, report)
  t.is(await system.abort(), report)
})

test('a harsher stop takes the place of a gentle one', async (t) => {
  const system = new ProducerConsumerSystem({ handler: () => new Promise<void>(() => {}) })
  await system.start()
  await system.sendMany([1, 2, 3])
  const stopped = system.stop()
  void system.stop({ timeout: 60_000 })
  void system.stop({ timeout: 1 })
  const report = await stopped
  t.is(report.deadLettered, 3)
  assertConservation(t, report)
})

test('an abort takes the place of a stop under way', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, handler: () => new Promise<void>(() => {}) })
  await system.start()
  await system.sendMany([1, 2, 3])
  const stopped = system.stop()
  void system.stop({ drain: false })
  const report = await stopped
  t.is(report.state, 'aborted')
  t.is(report.deadLettered, 1)
  t.deepEqual(report.unprocessed, [2, 3])
  assertConservation(t, report)
})

test('items sent before the start queue, and are in the report of a system that never starts', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({ handler: (item: number) => void handled.push(item) })
  await system.sendMany([1, 2])
  t.true(system.trySend(3))
  t.is(system.stats().queued, 3)
  t.deepEqual(handled, [])
  await system.start()
  await system.idle()
  t.deepEqual(handled, [1, 2, 3])
  assertConservation(t, await system.stop())

  const never = new ProducerConsumerSystem({ handler: (item: string) => item })
  await never.send('left')
  const report = await never.stop()
  t.deepEqual(report.unprocessed, ['left'])
  assertConservation(t, report)
})

test('a paused system hands nothing over, and goes on where it was', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    capacity: 4,
    handler: (item: number) => {
      handled.push(item)
      if (item === 2) system.pause()
    },
  })
  await system.start()
  await system.sendMany([1, 2, 3, 4])
  await system.send(5)
  // On a busy machine there is room before the second is handled.
  await until(() => handled.length >= 2)
  t.deepEqual(handled, [1, 2])
  t.is(system.stats().state, 'paused')
  t.is(system.stats().queued, 3)
  system.resume()
  await system.idle()
  t.deepEqual(handled, [1, 2, 3, 4, 5])
  assertConservation(t, await system.stop())
})

test('a paused system can be stopped, and drains', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({ handler: (item: number) => void handled.push(item) })
  await system.start()
  system.pause()
  await system.sendMany([1, 2, 3])
  const report = await system.stop()
  t.deepEqual(handled, [1, 2, 3])
  assertConservation(t, report)
})

test('pausing native consumers stops them after what they have', async (t) => {
  const system = new ProducerConsumerSystem({
    producers: 1,
    consumers: 2,
    capacity: 10,
    source: sequence(),
    handler: sleep(0),
  })
  await system.start()
  system.pause()
  // Sources go on until the channel is full, and then nothing moves any more.
  while (system.stats().queued < 10 || system.stats().inFlight > 0) await new Promise((r) => setImmediate(r))
  const before = system.stats().processed
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  t.is(system.stats().processed, before)
  system.resume()
  while (system.stats().processed === before) await new Promise((resolve) => setImmediate(resolve))
  assertConservation(t, await system.stop())
})

test('idle waits for what was sent before it, and not for what comes later', async (t) => {
  const gates = [new Gate(), new Gate()]
  const system = new ProducerConsumerSystem({ handler: (item: number) => gates[item]?.opened })
  await system.start()
  await system.idle()
  await system.send(0)
  let idle = false
  const settled = system.idle().then(() => {
    idle = true
  })
  await system.send(1)
  t.false(idle)
  gates[0]?.open()
  await settled
  t.is(system.stats().inFlight, 1)
  gates[1]?.open()
  await system.idle()
  t.is(system.stats().processed, 2)
  assertConservation(t, await system.stop())
  await t.notThrowsAsync(system.idle())
})

test('a finite source ends the system by itself', async (t) => {
  const system = new ProducerConsumerSystem({ source: [1, 2, 3], handler: (item) => item })
  await system.start()
  const report = await system.finished
  t.is(report.state, 'stopped')
  t.is(report.processed, 3)
  assertConservation(t, report)
})

test('await using stops the system', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({ handler: (item: number) => void handled.push(item) })
  {
    await using used = system
    await used.start()
    await used.sendMany([1, 2, 3])
  }
  t.deepEqual(handled, [1, 2, 3])
  t.is(system.stats().state, 'stopped')
})

test('the option signal aborts with its reason, and its listener goes with the system', async (t) => {
  const controller = new AbortController()
  const reason = new Error('the user left')
  const system = new ProducerConsumerSystem({
    signal: controller.signal,
    handler: (item: number) => item,
  })
  await system.send(1)
  controller.abort(reason)
  const report = await system.finished
  t.is(report.state, 'aborted')
  t.deepEqual(report.unprocessed, [1])
  const error = await t.throwsAsync(system.send(2), { name: 'AbortedError', code: 'ERR_MILLRACE_ABORTED' })
  t.is(error?.cause, reason)
  t.is(error?.message, 'the system was aborted: the user left')
  assertConservation(t, report)

  const aborted = new ProducerConsumerSystem({ signal: controller.signal, handler: (item: number) => item })
  await t.throwsAsync(aborted.start(), { code: 'ERR_MILLRACE_INVALID_STATE' })

  const quiet = new AbortController()
  const listeners = countListeners(quiet.signal)
  const other = new ProducerConsumerSystem({ signal: quiet.signal, handler: (item: number) => item })
  t.is(listeners(), 1)
  await other.stop()
  t.is(listeners(), 0)
})

function countListeners(signal: AbortSignal): () => number {
  let count = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    count++
    addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    count--
    removeEventListener.apply(signal, args)
  }
  return () => count
}

/** What its handler does to its own system, with one item before it is to go on and one after, in `mode`. */
const INSIDE: Record<string, { move: (system: System) => void; states: SystemState[] }> = {
  'pause at its start': {
    move: (system) => system.pause(),
    states: ['running', 'paused'],
  },
  'stop at its start': {
    move: (system) => void system.stop(),
    states: ['running', 'draining', 'stopped'],
  },
  'pause after a pause': {
    move: (system) => system.pause(),
    states: ['running', 'paused', 'running', 'paused'],
  },
  'stop after a pause': {
    move: (system) => void system.stop(),
    states: ['running', 'paused', 'running', 'draining', 'stopped'],
  },
}

for (const retry of [undefined, { attempts: 2 }]) {
  for (const [name, { move, states }] of Object.entries(INSIDE)) {
    test(`a handler that moves its system on is told of in order: ${name}${retry ? ', with retries' : ''}`, async (t) => {
      const told: SystemState[] = []
      const handled = new Gate()
      const system: System = new ProducerConsumerSystem({
        consumers: 1,
        ...(retry && { retry }),
        handler: (item: number) => {
          if (item !== 0) return
          move(system)
          handled.open()
        },
      })
      system.on('stateChange', ({ state, previous }) => {
        t.is(previous, told.at(-1) ?? 'ready')
        told.push(state)
      })
      if (name.endsWith('start')) {
        await system.sendMany([0, 1])
        await system.start()
      } else {
        await system.start()
        system.pause()
        await system.sendMany([0, 1])
        system.resume()
      }
      await handled.opened
      if (name.startsWith('stop')) await system.finished
      t.deepEqual(told, states)
      t.is(system.stats().state, states.at(-1) as SystemState)
      const report = await system.stop()
      t.is(report.processed, 2)
      t.is(told.at(-1), 'stopped')
    })
  }
}

test('whoever aborts a system that is over, by a listener of its last dead letter, does so in vain', async (t) => {
  for (let round = 0; round < 20; round++) {
    const system = new ProducerConsumerSystem({ consumers: 1, results: true, handler: hashFile('sha256') })
    system.on('deadLetter', () => void system.abort('enough'))
    await system.start()
    const results = system.results()
    await system.send('no such file')
    const stopping = system.stop()
    // Both the letter and the end are to be told by one notice; what is told by two is an abort.
    for (const end = performance.now() + 20; performance.now() < end; );
    await Promise.allSettled([stopping])
    const { state } = system.stats()
    const sent = await t.throwsAsync(system.send('another'))
    if (state === 'aborted') {
      await t.throwsAsync(results.next(), { code: 'ERR_MILLRACE_ABORTED' })
      t.is((sent as NodeJS.ErrnoException).code, 'ERR_MILLRACE_ABORTED')
    } else {
      t.deepEqual(await results.next(), { value: undefined, done: true })
      t.is((sent as NodeJS.ErrnoException).code, 'ERR_MILLRACE_CLOSED')
    }
  }
})

test('idle() of a system whose workers are still to exit is over', async (t) => {
  const stays = 'setInterval(() => {}, 1000); export default (item) => item'
  const system = new ProducerConsumerSystem<number, number>({
    consumers: 1,
    handler: new URL(`data:text/javascript,${encodeURIComponent(stays)}`),
  })
  let idle: Promise<void> | undefined
  system.on('stateChange', ({ state }) => {
    if (state === 'stopped')
      idle = new Promise<void>((resolve) => setImmediate(resolve)).then(() => system.idle())
  })
  await system.start()
  t.is(await system.run(1), 1)
  const stopped = system.stop()
  await until(() => idle !== undefined)
  await idle
  assertConservation(t, await stopped)
  await system.idle()
})
