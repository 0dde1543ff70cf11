/** Objects that only look like an AbortSignal. */

import test from 'ava'
import { Channel, ProducerConsumerSystem } from '../src/index.js'
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
