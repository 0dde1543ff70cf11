/** A handler and a source for workers. */
import { fillHeap } from '../../helpers/heap.js'

export async function handle(n: number): Promise<number> {
  if (n % 7 === 0) await new Promise(setImmediate)
  return -n
}

/** Each tenth item ends its worker in the first attempt. */
export function die(n: number, { attempt }: { attempt: number }): number {
  if (n % 10 === 5 && attempt === 1) process.exit(0)
  return n
}

export function* make(): Generator<number> {
  for (let n = 0; ; n++) yield n
}

/** Each hundredth item runs out of the worker's heap in the first attempt. */
export async function fill(n: number, { attempt }: { attempt: number }): Promise<number> {
  if (n % 100 === 5 && attempt === 1) await fillHeap()
  return n
}
