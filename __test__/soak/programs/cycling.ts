/**
 * `node --expose-gc cycling.js CYCLE COUNT [control]`: makes, uses and drops the same things again and again, or does the like
 * of it without the library. Prints how much memory the process has after a warm-up, and at the end.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Cycle } from './plans.js'

const [cycle, count, control] = [
  process.argv[2] as Cycle,
  Number(process.argv[3]),
  process.argv[4] === 'control',
]
const { make } = (await import(control ? './cycles-control.js' : './cycles.js')) as {
  make: Record<Cycle, () => Promise<void>>
}

const WARM_UP = 0.4
/** V8 does not see what lies behind what it could collect, and would let much of it gather. */
const COLLECT_EACH = 20

const memory: number[] = []
for (let done = 1; done <= count; done++) {
  await make[cycle]()
  if (done % COLLECT_EACH === 0) await collect()
  if (done === Math.ceil(count * WARM_UP) || done === count) memory.push(await settled())
}
console.log(JSON.stringify(memory))
process.exit(0)

async function collect(): Promise<void> {
  globalThis.gc?.()
  // What is told of what was collected comes in turns of its own.
  await turn()
  await turn()
}

/** Bytes, once what can be collected is. */
async function settled(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    await collect()
    least = Math.min(least, process.memoryUsage.rss())
  }
  return least
}
