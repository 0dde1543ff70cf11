/** Many keys at full load. MILLRACE_LONG=1 makes it 100,000 items. */

import { setTimeout as wait } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { ProducerConsumerSystem, type Report, sleep } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Random } from './helpers/random.js'

const LONG = process.env.MILLRACE_LONG === '1'
const ITEMS = LONG ? 100_000 : 10_000
const [KEYS, CONSUMERS] = [1000, 8]
/** How many items are on their way at once, where the test sees to it. */
const AHEAD = 900
/** The share of the time that consumers are to have an item in hand. */
const BUSY = 0.95

type Item = [key: number, n: number]

/** Items of random keys, each with its number among those of its key; up to 20 at a time. */
function* itemsOf(random: Random): Generator<Item[]> {
  const next = new Array<number>(KEYS).fill(0)
  for (let left = ITEMS; left > 0; ) {
    const length = Math.min(left, 1 + random.below(20))
    left -= length
    yield Array.from({ length }, (): Item => {
      const key = random.below(KEYS)
      const n = next[key] as number
      next[key] = n + 1
      return [key, n]
    })
  }
}

/** Notes what comes of each key, and what is not in order. */
class Order {
  readonly wrong: string[] = []
  readonly #next = new Array<number>(KEYS).fill(0)

  came([key, n]: Item): void {
    const next = this.#next[key] as number
    this.#next[key] = next + 1
    if (n !== next) this.wrong.push(`${n} of key ${key} came in place of ${next}`)
  }
}

function assertBusy(t: ExecutionContext, { consumers, elapsed }: Report<Item>): void {
  const share = consumers.reduce((sum, { busy }) => sum + busy, 0) / (CONSUMERS * elapsed)
  t.log(`busy ${(100 * share).toFixed(1)} % of ${(elapsed / 1000).toFixed(1)} s`)
  t.true(share >= BUSY, `busy ${share}`)
}

test.serial(
  'a function gets the items of 1,000 keys in order, one of a key at a time, and is kept busy',
  async (t) => {
    t.timeout(300_000)
    const random = new Random(t)
    const order = new Order()
    const inHand = new Set<number>()
    let [busy, begin, end] = [0, 0, 0]
    const system = new ProducerConsumerSystem({
      consumers: CONSUMERS,
      key: ([key]: Item) => `key ${key}`,
      handler: async (item: Item) => {
        const [key] = item
        const began = performance.now()
        begin ||= began
        if (inHand.has(key)) order.wrong.push(`two of key ${key} at once`)
        inHand.add(key)
        order.came(item)
        await wait(random.below(4))
        inHand.delete(key)
        end = performance.now()
        busy += end - began
      },
    })
    await system.start()
    for (const items of itemsOf(random)) await system.sendMany(items)
    const report = await system.stop()
    t.deepEqual(order.wrong, [])
    t.is(report.processed, ITEMS)
    assertConservation(t, report)
    assertBusy(t, report)
    const share = busy / (CONSUMERS * (end - begin))
    t.log(`as the handler measures it, ${(100 * share).toFixed(1)} %`)
    t.true(share >= BUSY, `busy ${share}`)
  },
)

test.serial('native consumers settle the items of 1,000 keys in order, and are kept busy', async (t) => {
  t.timeout(300_000)
  const random = new Random(t)
  const order = new Order()
  const system = new ProducerConsumerSystem({
    consumers: CONSUMERS,
    key: ([key]: Item) => `key ${key}`,
    handler: sleep([0, 3]),
  })
  await system.start()
  const runs: Promise<void>[] = []
  for (const items of itemsOf(random)) {
    // Results come in the order in which items are settled.
    for (const item of items) runs.push(system.run(item).then(() => order.came(item)))
    await runs.at(-AHEAD)
  }
  await Promise.all(runs)
  const report = await system.stop()
  t.deepEqual(order.wrong, [])
  t.is(report.processed, ITEMS)
  assertConservation(t, report)
  assertBusy(t, report)
})
