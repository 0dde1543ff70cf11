/** What contestants of the case `exercise` share. */
import type { Measured } from '../process.js'

export const PRODUCERS = 10
export const CONSUMERS = 5

/** Ranges in ms. */
export const PRODUCING = [1, 10] as const
export const HANDLING = [5, 20] as const

/** Sleeps of the consumers, as they were drawn. */
const drawn = { count: 0, sum: 0 }

export function noteSleep(ms: number): void {
  const [shortest, longest] = HANDLING
  if (!(ms >= shortest && ms <= longest)) {
    throw new Error(`expected a sleep of ${shortest} to ${longest} ms, got ${ms}`)
  }
  drawn.count++
  drawn.sum += ms
}

/** Prints how many items were handled, and the share of the least time that the sleeps allow in what it `took`, in ms. */
export function printShare(arrived: { count: number; sum?: number }, took: number): void {
  if (drawn.count !== arrived.count) throw new Error(`expected ${arrived.count} sleeps, got ${drawn.count}`)
  const result: Measured = { ...arrived, value: drawn.sum / CONSUMERS / took }
  console.log(JSON.stringify(result))
}
