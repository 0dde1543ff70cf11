/** Handlers of batches. */

import { BatchError, type Context } from '../../src/index.js'

/** What each item came with. */
export default function describe(items: number[], { attempt }: Context<number>): string[] {
  return items.map((n) => `${n} of ${items.length}, attempt ${attempt}`)
}

/** Those that divide by three fail. */
export async function picky(items: number[]): Promise<number[]> {
  await null
  const failed = items.flatMap((n, index): [number, Error][] =>
    n % 3 === 0 ? [[index, new Error(`no. ${n}`)]] : [],
  )
  if (failed.length > 0) throw new BatchError(failed, items)
  return items
}

/** One result too few. */
export function short(items: number[]): number[] {
  return items.slice(1)
}

export function fails(items: number[]): number[] {
  throw new RangeError(`all ${items.length}`)
}

export function dies(items: number[]): number[] {
  if (items.includes(13)) process.exit(4)
  return items
}

/** Waits for the signal, and heeds it or not. */
export async function stuck(items: number[], { signal }: Context<number>): Promise<number[]> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  return items
}

/** Gives results, and dies before anyone can have taken more than one of them. */
export function diesSending(items: number[]): number[] {
  if (items.length > 1) setImmediate(() => process.exit(5))
  return items
}

/** Throws what the number says. */
export function wrong([what]: number[]): number[] {
  throw WRONG[what as number]
}

const foreign = Object.assign(new Error('foreign'), { name: 'BatchError', errors: 5, results: undefined })
const hostile = new BatchError([[0, new Error('one')]])
Object.defineProperty(hostile, 'errors', {
  get() {
    throw new Error('getter')
  },
})

/** What no batch of two can have thrown. */
export const WRONG: unknown[] = [
  new BatchError([]),
  new BatchError([[2, new Error('out of range')]], [1, 2]),
  new BatchError([[0, new Error('one')]], []),
  foreign,
  hostile,
]

/** Takes 20 ms for a batch. */
export async function slowly(items: number[]): Promise<number[]> {
  await new Promise((resolve) => setTimeout(resolve, 20))
  return items
}
