/** What contestants of the cases `send`, `send-await` and `send-many` share. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { arrived, items, print } from './contest.js'
import { type PayloadName, reader } from './payloads.js'

/** How many values an array has. */
export const BATCH = 100

/** What the worker sends at the end. */
export type Arrived = typeof arrived

/** Starts a worker whose module says `'ready'` when it listens. */
export async function startWorker(module: string, workerData: unknown): Promise<Worker> {
  if (items % BATCH !== 0) throw new Error(`expected a multiple of ${BATCH} items, got ${items}`)
  const worker = new Worker(new URL(`${module}.js`, import.meta.url), { workerData })
  await once(worker, 'message')
  return worker
}

/** Cuts values into arrays. */
export function batchesOf<T>(values: readonly T[]): T[][] {
  return Array.from({ length: values.length / BATCH }, (_, n) => values.slice(n * BATCH, (n + 1) * BATCH))
}

/** Prints what the worker says has arrived since `start`. */
export function printArrived({ count, sum }: Arrived, start: number): void {
  print({ count, sum }, start)
}

/** In the worker: checks that values arrive in turn, whole, and adds them up. */
export function checker(name: PayloadName): (value: unknown) => void {
  const { placeOf, stored } = reader(name)
  let next = 0
  let round = 0
  return (value) => {
    const place = placeOf(value)
    if (place !== next) throw new Error(`expected the value ${next} of ${name}, got ${place}`)
    arrived.count++
    arrived.sum += round + place
    if (++next === stored) {
      next = 0
      round += stored
    }
  }
}
