/** The trivial function that every pool calls, and what its results say. */
import { add } from './contest.js'

/** One more than it is given, so that who reads the result sees that it ran. */
export default function increment(value: number): number {
  return value + 1
}

/** Adds up the value that `result` was made of. */
export function addIncremented(result: number): void {
  add(result - 1)
}
