import { fileURLToPath } from 'node:url'
import workerpool from 'workerpool'
import { modes } from './contest.js'
import { addIncremented } from './modules-handler.js'
import { promises, runPool } from './pool.js'

const threads = Number(modes[0])
const file = fileURLToPath(new URL('./modules-handler-workerpool.js', import.meta.url))
const pool = workerpool.pool(file, { workerType: 'thread', minWorkers: threads, maxWorkers: threads })
await runPool({
  handle: promises((value) => pool.exec('increment', [value]), addIncremented),
  end: async () => pool.terminate(),
})
