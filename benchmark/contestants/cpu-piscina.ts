import { Piscina } from 'piscina'
import { modes } from './contest.js'
import { addWorked, STEPS, WARM_UP } from './cpu-handler.js'
import { promises, runPool } from './pool.js'

const [threads, steps] = modes
process.env[STEPS] = steps
const pool = new Piscina<number, number>({
  filename: new URL('./cpu-handler.js', import.meta.url).href,
  minThreads: Number(threads),
  maxThreads: Number(threads),
})
await runPool({ handle: promises((value) => pool.run(value), addWorked), end: () => pool.close() }, WARM_UP)
