/** A handler runs out of its worker's heap: its item gains a death and is handled by another, and nothing is lost. */
import { handlerModule, ProducerConsumerSystem } from '../../../src/index.js'
import type * as Modules from './modules.js'

const COUNT = 300
const handler = handlerModule<typeof Modules, 'fill'>(new URL('./modules.js', import.meta.url), {
  export: 'fill',
  resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 },
})
const system = new ProducerConsumerSystem({ consumers: 2, handler, results: true })
await system.start()
const sending = system.sendMany(Array.from({ length: COUNT }, (_, n) => n)).then(() => system.stop())
const results: number[] = []
for await (const n of system.results()) results.push(n)
const { processed, failedAttempts, deadLettered } = await sending
const all = new Set(results).size === COUNT && results.length === COUNT
// Items 5, 105 and 205.
const right = all && processed === COUNT && failedAttempts === 3 && deadLettered === 0
console.log(
  right ? 'all once' : JSON.stringify({ results: results.length, processed, failedAttempts, deadLettered }),
)
