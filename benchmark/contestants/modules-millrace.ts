import { handlerModule, ProducerConsumerSystem } from '../../src/index.js'
import { modes, WINDOW } from './contest.js'
import { addIncremented } from './modules-handler.js'
import { promises, runPool } from './pool.js'
import { streamed } from './streamed.js'

const [mode, threads] = modes
const url = new URL('./modules-handler.js', import.meta.url)
const system = new ProducerConsumerSystem<number, number>({
  consumers: Number(threads),
  capacity: WINDOW,
  handler: handlerModule<typeof import('./modules-handler.js')>(url),
})
const handle =
  mode === 'results'
    ? streamed(system, addIncremented, (value) => value)
    : promises((value) => system.run(value), addIncremented)
await system.start()
await runPool({ handle, end: () => system.stop() })
