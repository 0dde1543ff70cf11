/** What contestants of the case `growth` share. */
import type { Grown } from '../process.js'

/** The time in ms, by a clock that is the same in all threads. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

/** The value that 99 of 100 are not above. */
export function percentile99(values: Float64Array): number {
  return values.sort()[Math.ceil(values.length * 0.99) - 1] ?? Number.NaN
}

export function printGrown(grown: Grown): void {
  console.log(JSON.stringify(grown))
}
