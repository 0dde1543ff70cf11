/** Objects that only look like an AbortSignal. */

import test from 'ava'
import { Channel, ProducerConsumerSystem, select } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { turns } from './helpers/gate.js'
import { assertSaid, runProgram } from './helpers/program.js'

interface Lookalike {
  aborted?: boolean
  reason?: unknown
  addEventListener?(type: string, listener: () => void): void
  removeEventListener?(): void
}

const like = (parts: Lookalike = {}): AbortSignal =>
  ({ aborted: false, addEventListener() {}, removeEventListener() {}, ...parts }) as unknown as AbortSignal

const refusing = new Error('no listeners here')
const refusesListeners = like({
  addEventListener() {
    throw refusing
  },
})

test('one that takes no listener ends the wait with what it threw, and takes the item out', async (t) => {
  const channel = new Channel<string>({ capacity: 1 })
  await channel.send('full')
  t.is(await t.throwsAsync(channel.send('late', { signal: refusesListeners })), refusing)
  t.is(channel.stats().waitingSends, 0)
  t.is(await channel.receive(), 'full')
  t.is(channel.tryReceive(), undefined)
  t.is(await t.throwsAsync(channel.receive({ signal: refusesListeners })), refusing)
  // Whose wait is over takes no item.
  await channel.send('next')
  t.is(await channel.receive(), 'next')
})

test('one that takes no listener leaves no timer behind', async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel } = await import(library)
    const signal = { aborted: false, addEventListener() { throw new Error('no') }, removeEventListener() {} }
    const error = await new Channel().receive({ signal, timeout: 10 }).catch((error) => error)
    console.log(error.message)
    await new Promise((resolve) => setTimeout(resolve, 20))`,
  )
  assertSaid(t, ended, 'no')
})

test('one that gives no listener back takes nothing along', async (t) => {
  const signal = like({
    removeEventListener() {
      throw new Error('kept')
    },
  })
  const channel = new Channel<number>({ capacity: 1 })
  const received = channel.receive({ signal, timeout: 60_000 })
  await channel.send(1)
  t.is(await received, 1)
  await channel.send(2)
  const sent = channel.send(3, { signal })
  t.is(await channel.receive(), 2)
  await sent
  t.is(await channel.receive(), 3)
})

test('one that has aborted by the time it is listened to ends the wait', async (t) => {
  const reason = new Error('meanwhile')
  let looks = 0
  const signal = Object.defineProperty(like({ reason }), 'aborted', { get: () => looks++ > 1 })
  t.is(await t.throwsAsync(new Channel().receive({ signal })), reason)
})

test('one that takes no listener is refused by a system, too', async (t) => {
  const system = new ProducerConsumerSystem({ capacity: 1, handler: (_: number) => {} })
  await system.send(1)
  t.is(await t.throwsAsync(system.send(2, { signal: refusesListeners })), refusing)
  const report = await system.stop()
  t.deepEqual(report.unprocessed, [1])
})

test('one that has no method to throw its reason serves every wait', async (t) => {
  class Polyfill extends EventTarget {
    aborted = false
    reason: unknown
  }
  const signal = new Polyfill() as unknown as AbortSignal
  const channel = new Channel<number>()
  await channel.send(1, { signal })
  t.like(await select([channel.receiving()], { signal }), { value: 1 })
  const sent: unknown[] = []
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: async (item: number, context) => {
      if (item === 0) sent.push(await context.send(1, { signal }))
    },
  })
  await system.start()
  await system.send(0, { signal })
  await system.idle({ signal })
  t.is(sent.length, 1)
  assertConservation(t, await system.stop())
})

test('a reason that takes no mark comes as it is, or as a cause, and nobody else who waits is left out', async (t) => {
  class Marked extends Error {
    get accepted(): number {
      return -1
    }
  }
  const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {})
  revoke()
  const refuses = new Proxy(new Error('refuses'), { defineProperty: () => false })
  for (const [reason, isReason] of [
    [new Marked('marked'), true],
    [proxy, false],
    [refuses, false],
  ] as const) {
    const full = new Channel<number>({ capacity: 1 })
    await full.send(0)
    const system = new ProducerConsumerSystem({ capacity: 1, handler: (_: number) => {} })
    await system.send(0)
    const controller = new AbortController()
    const { signal } = controller
    const waits = [
      full.sendMany([1, 2], { signal }),
      system.sendMany([1, 2], { signal }),
      full.send(3, { signal }),
      new Channel().receive({ signal }),
    ]
    const settled = Promise.allSettled(waits)
    await turns(2)
    controller.abort(reason)
    const [many, ofSystem, ...others] = (await settled) as PromiseRejectedResult[]
    for (const outcome of others) t.true(outcome.reason === reason)
    t.is(many?.reason === reason, isReason)
    for (const outcome of [many, ofSystem]) {
      // The second may find it marked by the first.
      t.true(outcome?.reason === reason || outcome?.reason.cause === reason)
      t.is(outcome?.reason.accepted, 0)
    }
    t.is(full.stats().waitingSends, 0)
    await system.abort()
  }
})

test('one that takes no listener leaves no look at the room of its system behind', async (t) => {
  const ended = await runProgram(
    t,
    `const signal = { aborted: false, addEventListener() { throw new Error('no') }, removeEventListener() {} }
    const system = new ProducerConsumerSystem({
      capacity: 1,
      consumers: 2,
      priorities: 2,
      handler: async (item, context) => {
        if (item === 0) await context.send(9, { signal }).catch((error) => console.log(error.message))
      },
    })
    await system.start()
    await system.send(0)
    await system.stop()`,
  )
  assertSaid(t, ended, 'no')
})
