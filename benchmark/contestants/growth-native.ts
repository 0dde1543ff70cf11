/** Native source to native handler, by the public API: `growth-native PRODUCERS CONSUMERS CAPACITY ITEMS`. */
import { noop, ProducerConsumerSystem, sequence } from '../../src/index.js'
import { items, modes } from './contest.js'
import { printGrown } from './growth.js'

const [producers, consumers, capacity] = modes.map(Number) as [number, number, number]
const system = new ProducerConsumerSystem({
  producers,
  consumers,
  capacity,
  source: sequence({ of: 'number', limit: items }),
  handler: noop(),
})
const start = performance.now()
await system.start()
const { processed, latency } = await system.finished
printGrown({ count: processed, seconds: (performance.now() - start) / 1000, p99: latency.queued.p99 })
