import { handlerModule, ProducerConsumerSystem } from '../../src/index.js'
import { modes, WINDOW } from './contest.js'
import { addWorked, STEPS, WARM_UP } from './cpu-handler.js'
import { runPool } from './pool.js'
import { streamed } from './streamed.js'

const [threads, steps] = modes
process.env[STEPS] = steps
const system = new ProducerConsumerSystem<number, number>({
  consumers: Number(threads),
  capacity: WINDOW,
  handler: handlerModule<typeof import('./cpu-handler.js')>(new URL('./cpu-handler.js', import.meta.url)),
})
const handle = streamed(system, addWorked, (value) => value)
await system.start()
await runPool({ handle, end: () => system.stop() }, WARM_UP)
