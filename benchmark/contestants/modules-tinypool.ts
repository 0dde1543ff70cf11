import { Tinypool } from 'tinypool'
import { modes } from './contest.js'
import { addIncremented } from './modules-handler.js'
import { promises, runPool } from './pool.js'

const [threads = 1, concurrentTasksPerWorker = 1] = modes.map(Number)
const pool = new Tinypool({
  filename: new URL('./modules-handler.js', import.meta.url).href,
  minThreads: threads,
  maxThreads: threads,
  concurrentTasksPerWorker,
})
await runPool({ handle: promises((value) => pool.run(value), addIncremented), end: () => pool.destroy() })
