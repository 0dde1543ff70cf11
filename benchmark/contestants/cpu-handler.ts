/**
 * About 1 ms of work for a core, the same number of steps in every contestant: a clock would go on while the thread
 * doesn't. The steps are undone, so that the result shows that all of them were made.
 */
import { add } from './contest.js'

/** In the environment, because every pool hands that to its threads. */
export const STEPS = 'BENCHMARK_STEPS'

/** Items before the clock starts: half a second a core at least, in which V8 compiles what runs for each of them. */
export const WARM_UP = 1000

const MULTIPLIER = 1_664_525
const steps = Number(process.env[STEPS])

export default function work(value: number): number {
  return spin(value, steps)
}

/** Mixes two words, and unmixes them again. Both operators have 32 bits whatever comes, so there is nothing to deoptimize. */
export function spin(value: number, steps: number): number {
  let left = value | 0
  let right = 1
  for (let step = 0; step < steps; step++) {
    left ^= Math.imul(right, MULTIPLIER)
    right ^= Math.imul(left, MULTIPLIER)
  }
  for (let step = 0; step < steps; step++) {
    right ^= Math.imul(left, MULTIPLIER)
    left ^= Math.imul(right, MULTIPLIER)
  }
  return left
}

/** Adds up the value that was worked on: the result itself. */
export const addWorked: (result: number) => void = add
