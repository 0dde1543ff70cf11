// A small program of five modules over a folder of access logs: source.ts reads the files, parse.ts and enrich.ts work
// on the lines, all three in worker threads, aggregate.ts adds up on the main thread, and this one puts them together.
// The stages are systems, chained by channels: the slowest one holds up those before it, and the end is passed down.
// Run it with: node build/examples/logs/main.js FOLDER (its *.log files, in Common Log Format with the ms taken at each
// line's end)

import { Channel, handlerModule, ProducerConsumerSystem, sourceModule } from '../../src/index.js' // or: 'millrace'
import { Aggregate } from './aggregate.js'
import type { EnrichedHit } from './enrich.js'
import type { Hit } from './parse.js'

const local = (file: string): URL => new URL(file, import.meta.url)

async function main(folder: string): Promise<void> {
  const hits = new Channel<Hit>({ capacity: 500 })
  const enriched = new Channel<EnrichedHit>({ capacity: 500 })
  const aggregate = new Aggregate()

  const parsing = new ProducerConsumerSystem({
    source: sourceModule<typeof import('./source.js')>(local('./source.js'), { init: folder }),
    producers: 2,
    handler: handlerModule<typeof import('./parse.js')>(local('./parse.js')),
    consumers: 2,
    results: hits,
  })
  const enriching = new ProducerConsumerSystem({
    source: hits,
    handler: handlerModule<typeof import('./enrich.js')>(local('./enrich.js')),
    consumers: 1,
    results: enriched,
  })
  const adding = new ProducerConsumerSystem({ source: enriched, handler: (hit) => aggregate.add(hit) })

  const bad: string[] = []
  parsing.on('deadLetter', ({ error }) => bad.push(error instanceof Error ? error.message : String(error)))
  const stages = { parsing, enriching, adding }
  await Promise.all(Object.values(stages).map((stage) => stage.start()))
  process.once('SIGINT', () => void parsing.stop()) // what was read is still counted

  for (const [name, stage] of Object.entries(stages)) {
    const { produced, processed, deadLettered, peakQueued } = await stage.finished
    console.log(
      `${name}: ${processed} of ${produced} lines, ${deadLettered} bad, at most ${peakQueued} queued`,
    )
  }
  for (const line of aggregate.lines()) console.log(line)
  for (const message of bad.sort()) console.error(message)
}

const [, , folder] = process.argv
if (folder === undefined) {
  console.error('expected a folder of *.log files, got none')
  process.exitCode = 2
} else {
  await main(folder).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
