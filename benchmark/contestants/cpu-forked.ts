import { modes } from './contest.js'
import { addWorked, STEPS, WARM_UP } from './cpu-handler.js'
import { forked } from './forked.js'
import { runPool } from './pool.js'

const [processes, steps] = modes
process.env[STEPS] = steps
const child = new URL('./cpu-forked-child.js', import.meta.url)
await runPool(
  forked(child, Number(processes), addWorked, (value) => value),
  WARM_UP,
)
