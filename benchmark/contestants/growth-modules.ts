/** The main thread to worker threads with a trivial function: `growth-modules WORKERS ITEMS`. */
import { handlerModule, ProducerConsumerSystem } from '../../src/index.js'
import { items, modes, WINDOW } from './contest.js'
import { printGrown } from './growth.js'
import { BATCH } from './send.js'

const system = new ProducerConsumerSystem<number, void>({
  consumers: Number(modes[0]),
  capacity: WINDOW,
  handler: handlerModule<typeof import('./growth-modules-handler.js')>(
    new URL('./growth-modules-handler.js', import.meta.url),
  ),
})
await system.start()
const batch = new Array<number>(BATCH)
async function feed(): Promise<void> {
  for (let begin = 0; begin < items; begin += BATCH) {
    for (let n = 0; n < BATCH; n++) batch[n] = begin + n
    await system.sendMany(batch)
  }
  await system.idle()
}
// As many items before the clock starts: each worker compiles the function for itself.
await feed()
const start = performance.now()
await feed()
const seconds = (performance.now() - start) / 1000
const { processed, latency } = await system.stop()
printGrown({ count: processed - items, seconds, p99: latency.queued.p99 })
