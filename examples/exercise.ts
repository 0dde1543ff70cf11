// The classic exercise: 10 producers that each make an item and sleep 1 to 10 ms, 5 consumers that take 5 to 20 ms
// for each, and a channel of 1000 between them. After some seconds (the first argument, or else 10) the producers
// end, and what is queued is handled. Run it with: node build/examples/exercise.js 3

import { setTimeout } from 'node:timers/promises'
import { ProducerConsumerSystem, sequence, sleep } from '../src/index.js' // outside of this repository: 'millrace'

async function exercise(seconds: number): Promise<void> {
  const system = new ProducerConsumerSystem({
    producers: 10,
    consumers: 5,
    capacity: 1000,
    source: sequence({ of: 'name', delay: [1, 10] }),
    handler: sleep([5, 20]),
  })

  await system.start()
  await setTimeout(seconds * 1000)
  console.log(`stopping with ${system.stats().queued} items queued`)

  const report = await system.stop()
  for (const thread of [...report.producers, ...report.consumers]) {
    console.log(`${thread.name}: ${thread.items} items`)
  }
  console.log(`${report.produced} produced = ${report.processed} processed + ${report.deadLettered} failed`)
  console.log(`${report.throughput.mean.toFixed(1)} items/s over ${(report.elapsed / 1000).toFixed(1)} s`)
}

void exercise(Number(process.argv[2] ?? 10))
