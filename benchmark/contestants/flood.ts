/** What contestants of the case `flood` share: a consumer that is slower than the producer, and how memory is read. */
import type { Measured } from '../process.js'
import type { arrived } from './contest.js'

/** After so many items the worker's thread sleeps for `PAUSE` ms, as if it had handled them. */
export const BURST = 1000
const PAUSE = 1

const never = new Int32Array(new SharedArrayBuffer(4))

export function pause(): void {
  Atomics.wait(never, 0, 0, PAUSE)
}

const MB = 1e6

/** Resident memory of the process before the first item is sent, in bytes. */
export function memoryAtStart(): number {
  return process.memoryUsage.rss()
}

/**
 * Prints what arrived and how many MB the resident memory of the process grew at most since it was `start`. The system
 * keeps the highest that it ever was, so no peak lies between two samples, and nobody has to take any.
 */
export function printGrowth({ count, sum }: typeof arrived, start: number): void {
  const peak = process.resourceUsage().maxRSS * 1024
  const result: Measured = { count, sum, value: (peak - start) / MB }
  console.log(JSON.stringify(result))
}
