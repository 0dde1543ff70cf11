import test from 'ava'
import { ProducerConsumerSystem, WouldDeadlockError } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, until } from './helpers/gate.js'

test('the last consumer that could make room is not let wait', async (t) => {
  const outcomes: string[] = []
  const both = new Gate()
  let started = 0
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 2,
    handler: async (item: number, context) => {
      if (item >= 10) return
      if (++started === 2) both.open()
      await both.opened
      for (const next of [10, 11, 12]) {
        await context.send(next).then(
          () => outcomes.push('sent'),
          (error) => {
            t.true(error instanceof WouldDeadlockError)
            outcomes.push(error.code)
          },
        )
      }
    },
  })
  await system.start()
  await system.sendMany([1, 2])
  // Without the refusal both would wait for ever, each for the other.
  await system.idle()
  t.is(outcomes.length, 6)
  t.true(outcomes.includes('ERR_MILLRACE_WOULD_DEADLOCK'))
  t.true(outcomes.includes('sent'))
  assertConservation(t, await system.stop())
})

test('a single consumer is never let wait', async (t) => {
  const codes: string[] = []
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 1,
    handler: async (item: number, context) => {
      if (item > 0) return
      await context.send(1)
      await context.send(2).catch((error) => codes.push(error.code))
    },
  })
  await system.start()
  await system.send(0)
  await system.idle()
  t.deepEqual(codes, ['ERR_MILLRACE_WOULD_DEADLOCK'])
  const report = await system.stop()
  t.is(report.processed, 2)
  assertConservation(t, report)
})

test('a handler that is through no longer counts as waiting, whatever its sends do', async (t) => {
  const handled: number[] = []
  const refused: number[] = []
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 2,
    handler: (item: number, context) => {
      handled.push(item)
      if (item === 0) {
        // Not awaited: the first fills the channel, the others wait behind it.
        for (const next of [1, 2, 3]) context.send(next).catch(() => refused.push(next))
      }
    },
  })
  await system.start()
  await system.send(0)
  await until(() => handled.length === 4)
  t.deepEqual(handled, [0, 1, 2, 3])
  t.deepEqual(refused, [])
  assertConservation(t, await system.stop())
})

test('ctx.send honours its options', async (t) => {
  const reasons: unknown[] = []
  const reason = new Error('stop that')
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 2,
    handler: async (item: number, context) => {
      if (item > 0) return
      const signal = AbortSignal.abort(reason)
      await context.send(1, { signal }).catch((error) => reasons.push(error))
      await context.send(1, { timeout: -1 }).catch((error) => reasons.push(error.code))
    },
  })
  await system.start()
  await system.send(0)
  await system.idle()
  t.deepEqual(reasons, [reason, 'ERR_MILLRACE_INVALID_OPTION'])
  assertConservation(t, await system.stop())
})
