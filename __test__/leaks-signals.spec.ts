/** Waits that are over leave no listener on their signal, no timer, and nothing that holds what they were about. */

import { getEventListeners } from 'node:events'
import test from 'ava'
import { Channel, ProducerConsumerSystem, select, type WaitOptions } from '../src/index.js'
import { collect, collectUntil, Expendable, liveHandles } from './helpers/collect.js'
import { Gate, turns } from './helpers/gate.js'

/** A wait, and what resolves and what rejects it, apart from its signal and its time-out. */
interface Waiting {
  wait: (options: WaitOptions) => Promise<unknown>
  resolve: () => unknown
  reject: () => unknown
}

function waitingFor(
  receive: (channel: Channel<object>, options: WaitOptions) => Promise<unknown>,
): () => Waiting {
  return () => {
    const channel = new Channel<object>()
    return {
      wait: (options) => receive(channel, options),
      resolve: () => channel.send({ n: 1 }),
      reject: () => channel.abort(),
    }
  }
}

function waitingToSend(
  send: (channel: Channel<object>, options: WaitOptions) => Promise<unknown>,
): () => Waiting {
  return () => {
    const channel = new Channel<object>({ capacity: 1 })
    channel.trySend({ first: true })
    return {
      wait: (options) => send(channel, options),
      resolve: async () => {
        for (let n = 0; n < 3; n++) await channel.receive({ timeout: 5 }).catch(() => {})
      },
      reject: () => channel.abort(),
    }
  }
}

function waitingInSystem(
  wait: (system: ProducerConsumerSystem<object>, options: WaitOptions) => Promise<unknown>,
): () => Promise<Waiting> {
  return async () => {
    const handled = new Gate()
    const system = new ProducerConsumerSystem<object>({
      handler: () => handled.opened,
      capacity: 1,
      consumers: 1,
    })
    await system.start()
    for (let n = 0; n < 2; n++) await system.send({ n })
    return {
      wait: (options) => wait(system, options),
      resolve: () => handled.open(),
      reject: () => system.abort(),
    }
  }
}

const waits: Record<string, () => Waiting | Promise<Waiting>> = {
  receive: waitingFor((channel, options) => channel.receive(options)),
  receiveMany: waitingFor((channel, options) => channel.receiveMany(5, options)),
  lease: waitingFor((channel, options) => channel.lease(options)),
  select: waitingFor((channel, options) => select([channel.receiving(), new Channel().receiving()], options)),
  send: waitingToSend((channel, options) => channel.send({ sent: 1 }, options)),
  sendMany: waitingToSend((channel, options) => channel.sendMany([{ sent: 1 }, { sent: 2 }], options)),
  'send to a system': waitingInSystem((system, options) => system.send({ sent: 1 }, options)),
  run: waitingInSystem((system, options) => system.run({ ran: 1 }, options)),
}

const outcomes: Record<string, (waiting: Waiting, controller: AbortController) => unknown> = {
  resolves: ({ resolve }) => resolve(),
  rejects: ({ reject }) => reject(),
  'is late': () => {},
  'is cancelled': (_, controller) => controller.abort(),
}

for (const [name, begin] of Object.entries(waits)) {
  for (const [outcome, bringAbout] of Object.entries(outcomes)) {
    test.serial(`${name}() that ${outcome} leaves no listener, and its promise is collected`, async (t) => {
      const controller = new AbortController()
      const { signal } = controller
      const expendable = new Expendable()
      const waiting = await begin()
      const wait = async (): Promise<PromiseSettledResult<unknown>> => {
        const timeout = outcome === 'is late' ? 5 : 60_000
        const promise = expendable.add('the promise', waiting.wait({ signal, timeout }))
        t.is(getEventListeners(signal, 'abort').length, 1)
        await bringAbout(waiting, controller)
        const [settled] = await Promise.allSettled([promise])
        return settled as PromiseSettledResult<unknown>
      }
      t.is((await wait()).status, outcome === 'resolves' ? 'fulfilled' : 'rejected')
      t.is(getEventListeners(signal, 'abort').length, 0)
      await expendable.assertCollected(t)
      waiting.reject()
    })
  }
}

test.serial("a system leaves its own signal's listener, however it ends", async (t) => {
  const { signal } = new AbortController()
  for (const end of ['stop', 'abort'] as const) {
    const system = new ProducerConsumerSystem({ handler: () => {}, signal })
    await system.start()
    t.is(getEventListeners(signal, 'abort').length, 1)
    await system[end]()
    t.is(getEventListeners(signal, 'abort').length, 0, end)
  }
})

test.serial('what listens to the signal of an attempt with a limit goes with the attempt', async (t) => {
  const expendable = new Expendable()
  const system = new ProducerConsumerSystem<number>({
    handlerTimeout: 60_000,
    handler: async (_, { signal }) => {
      const listener = (): void => {}
      signal.addEventListener('abort', expendable.add('the listener', listener))
      await turns(1)
    },
  })
  await system.start()
  await system.sendMany(Array.from({ length: 20 }, (_, n) => n))
  await system.idle()
  await expendable.assertCollected(t)
  await system.stop()
})

const ROUNDS = 5
const WAITS = (process.env.MILLRACE_LONG ? 1_000_000 : 100_000) / ROUNDS

test.serial(`a signal that ${ROUNDS * WAITS} waits have used holds none of them`, async (t) => {
  t.timeout(600_000)
  const { signal } = new AbortController()
  const channel = new Channel<number>()
  const heapAfterRound = async (): Promise<number> => {
    for (let n = 0; n < WAITS; n++) {
      const receiving = channel.receive({ signal })
      channel.trySend(n)
      if ((await receiving) !== n) throw new Error(`expected ${n}`)
    }
    // What a finalizer lets go of is collected the next time.
    for (let time = 0; time < 5; time++) {
      await turns(2)
      collect()
    }
    return process.memoryUsage().heapUsed
  }
  const growths: number[] = []
  for (let round = 0, before = await heapAfterRound(); round < ROUNDS - 1; round++) {
    const after = await heapAfterRound()
    growths.push(after - before)
    before = after
  }
  t.is(getEventListeners(signal, 'abort').length, 0)
  // Code and caches grow now and then. What each wait leaves behind grows in each round, by 12 bytes a wait at the least.
  t.true(Math.min(...growths) < 6 * WAITS, `${growths} bytes more after ${WAITS} waits each`)
})

test.serial(
  'a signal holds no system that was never started, and has one listener for all of them',
  async (t) => {
    const { signal } = new AbortController()
    const make = (): void => {
      for (let n = 0; n < 50; n++) new ProducerConsumerSystem({ handler: () => {}, signal })
      t.is(getEventListeners(signal, 'abort').length, 1)
    }
    make()
    t.true(await collectUntil(() => liveHandles().systems === 0))
    t.is(getEventListeners(signal, 'abort').length, 0)
  },
)

test.serial('whoever waits for a system that was never started hears of its signal', async (t) => {
  const hears: Record<string, (system: ProducerConsumerSystem<number, number>) => Promise<unknown>> = {
    finished: async ({ finished }) => (await finished).state,
    run: (system) => system.run(1).catch((error) => error.code),
    results: (system) =>
      system
        .results()
        .next()
        .catch((error) => error.code),
    event: (system) => new Promise((resolve) => system.on('stateChange', ({ state }) => resolve(state))),
  }
  for (const [what, hear] of Object.entries(hears)) {
    const controller = new AbortController()
    const heard = hear(
      new ProducerConsumerSystem({ handler: (item: number) => item, signal: controller.signal }),
    )
    for (let round = 0; round < 5; round++) {
      await turns(2)
      collect()
    }
    controller.abort(new Error('enough'))
    t.regex(String(await heard), /aborted|ERR_MILLRACE_ABORTED/, what)
  }
})
