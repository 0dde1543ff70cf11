import test from 'ava'
import * as fc from 'fast-check'
import { type Handler, type HandlerFunction, ProducerConsumerSystem, sleep } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { turns } from './helpers/gate.js'

type Items = ProducerConsumerSystem<number, unknown>

/** Something to do to a system under way. What a move sends is told by `sent`. */
interface Move {
  name: string
  make(system: Items, next: () => number): Promise<unknown> | unknown
}

const MOVES: Move[] = [
  { name: 'send', make: (system, next) => system.send(next()) },
  { name: 'sendMany', make: (system, next) => system.sendMany([next(), next(), next(), next(), next()]) },
  { name: 'send with a time-out', make: (system, next) => system.send(next(), { timeout: 1 }) },
  {
    name: 'sendMany with a time-out',
    make: (system, next) => system.sendMany([next(), next(), next()], { timeout: 1 }),
  },
  { name: 'trySend', make: (system, next) => system.trySend(next()) },
  { name: 'run', make: (system, next) => system.run(next()) },
  { name: 'run with a time-out', make: (system, next) => system.run(next(), { timeout: 1 }) },
  { name: 'pause', make: (system) => system.pause() },
  { name: 'resume', make: (system) => system.resume() },
  { name: 'turn', make: () => turns() },
]

const HANDLERS: Record<string, HandlerFunction<number, unknown> | Handler<number, unknown>> = {
  'a function': (item) => {
    if (item % 7 === 0) throw new Error('sevens fail')
    return item
  },
  'an asynchronous function': async (item) => {
    await turns(item % 3)
    if (item % 7 === 0) throw new Error('sevens fail')
    return item
  },
  'a function that sometimes never settles': (item) => (item % 7 === 0 ? new Promise(() => {}) : item),
  'native consumers': sleep([0, 1]),
}

const ENDS: Record<string, (system: Items) => Promise<unknown>> = {
  stop: (system) => system.stop({ timeout: 2_000 }),
  'stop with a short time-out': (system) => system.stop({ timeout: 5 }),
  abort: (system) => system.abort(new Error('enough')),
}

for (const [who, handler] of Object.entries(HANDLERS)) {
  for (const [how, end] of Object.entries(ENDS)) {
    // Waiting in vain takes its time, and once is enough.
    const numRuns = who.includes('never') && how === 'stop' ? 2 : 15
    test(`no item is lost or handled twice: ${who}, any moves, ${how}`, async (t) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom(...MOVES), { minLength: 1, maxLength: 60 }),
          fc.integer({ min: 1, max: 8 }),
          fc.integer({ min: 1, max: 4 }),
          async (moves, capacity, consumers) => {
            const seen = new Map<number, number>()
            const count = (item: number): void => void seen.set(item, (seen.get(item) ?? 0) + 1)
            let last = 0
            const system: Items = new ProducerConsumerSystem<number, unknown>({
              capacity,
              consumers,
              handler:
                typeof handler === 'function'
                  ? (item, context) => {
                      count(item)
                      return handler(item, context)
                    }
                  : handler,
            })
            await system.start()
            const outcomes = moves.map(async (move) => move.make(system, () => ++last))
            const settled = Promise.allSettled(outcomes)
            await turns(2)
            try {
              system.resume()
            } catch {}
            await end(system)
            await settled
            const report = await system.finished
            assertConservation(t, report)
            t.true([...seen.values()].every((times) => times === 1))
            t.true(report.unprocessed.every((item) => !seen.has(item)))
            t.is(new Set(report.unprocessed).size, report.unprocessed.length)
            t.is(report.discarded, report.unprocessed.length)
          },
        ),
        { numRuns },
      )
    })
  }
}
