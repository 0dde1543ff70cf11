/** What contestants of the case `round-trip` share: their arguments, and what is made of the times. */
import type { Measured } from '../process.js'
import { arrived, items, modes } from './contest.js'

export type Shape = 'back-to-back' | 'pauses' | 'receive-sync'
export const [shape, percentile] = modes as [Shape, 'p50' | 'p99']

/** Round trips before the first that counts: by then both sides are compiled. */
export const WARM_UP = shape === 'pauses' ? 200 : 5_000

/** The pause before each round trip of the shape `pauses`, in ms. */
export const PAUSE = 1

/** What the worker answers to a value: something that shows that it has read it. */
export const answer = (value: number): number => value + 1

const times = new Float64Array(items)

/** Checks the answer to `n` and keeps its time in ms; those before 0 warm up. */
export function noteAnswer(n: number, answered: number, time: number): void {
  if (answered !== answer(n)) throw new Error(`expected the answer ${answer(n)} to ${n}, got ${answered}`)
  if (n < 0) return
  times[n] = time
  arrived.count++
  arrived.sum += n
}

/** Prints the percentile of the times in µs. */
export function printTimes(): void {
  times.sort()
  const share = percentile === 'p50' ? 0.5 : 0.99
  const result: Measured = { ...arrived, value: (times[Math.floor(share * (items - 1))] as number) * 1000 }
  console.log(JSON.stringify(result))
}
