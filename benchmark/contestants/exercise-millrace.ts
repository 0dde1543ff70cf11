import { ProducerConsumerSystem, sequence, sleep } from '../../src/index.js'
import { items, WINDOW } from './contest.js'
import { CONSUMERS, HANDLING, noteSleep, PRODUCERS, PRODUCING, printShare } from './exercise.js'

const system = new ProducerConsumerSystem({
  producers: PRODUCERS,
  consumers: CONSUMERS,
  capacity: WINDOW,
  source: sequence({ delay: [...PRODUCING], limit: items }),
  handler: sleep([...HANDLING]),
  results: true,
})

async function noteSleeps(): Promise<void> {
  for await (const ms of system.results()) noteSleep(ms)
}

const start = performance.now()
const noted = noteSleeps()
await system.start()
const { produced, processed } = await system.finished
const took = performance.now() - start
await noted
if (produced !== processed) throw new Error(`expected all ${produced} items to be handled, got ${processed}`)
printShare({ count: processed }, took)
