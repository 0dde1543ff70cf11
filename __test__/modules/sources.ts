/** Sources that are modules. */

import { setTimeout as sleep } from 'node:timers/promises'
import { Cells } from '../helpers/cells.js'

interface Place {
  index: number
  count: number
  signal: AbortSignal
}

let cells: Cells

export const GATE = 0
export const CALLS = 1
export const MADE = 2
export const RETURNED = 3
export const ABORTED = 4

export function init(memory: SharedArrayBuffer): void {
  cells = new Cells(memory)
}

/** Each makes 1000 items of its own. */
export default function* thousand({ index }: Place): Generator<number> {
  cells.count(CALLS)
  for (let n = 0; n < 1000; n++) yield index * 1000 + n
}

/** Which one of how many made it, and its number. */
export async function* labelled({
  index,
  count,
}: Place): AsyncGenerator<{ index: number; count: number; n: number }> {
  for (let n = 0; n < 500; n++) {
    if (n % 100 === 0) await null
    yield { index, count, n }
  }
}

/** Each waits until all do: nothing but parallel producers comes to an end. */
export async function* together({ index, count }: Place): AsyncGenerator<number> {
  cells.count(CALLS)
  while (cells.get(CALLS) < count) await sleep(1)
  yield index
}

/** Blocks its thread until the others do. */
export function* blockingTogether({ index, count }: Place): Generator<number> {
  cells.count(CALLS)
  while (cells.get(CALLS) < count);
  yield index
}

export function* endless({ index, signal }: Place): Generator<number> {
  cells.count(CALLS)
  signal.addEventListener('abort', () => cells.count(ABORTED))
  try {
    for (;;) {
      cells.count(MADE)
      yield index
    }
  } finally {
    cells.count(RETURNED)
  }
}

/** The one in the middle fails after 10 items. */
export async function* failing({ index }: Place): AsyncGenerator<number> {
  for (let n = 0; index !== 1 || n < 10; n++) {
    if (n % 10 === 0) await sleep(1)
    yield n
  }
  throw Object.assign(new RangeError('no more'), { code: 'EMORE', cause: new Error('deep') })
}

export function throws(): never {
  throw new TypeError('at once')
}

export function noIterable(): unknown {
  return 5
}

/** The first worker dies, having made 5 items. */
export async function* dying({ index, signal }: Place): AsyncGenerator<number> {
  for (let n = 0; n < 5; n++) yield n
  await sleep(5)
  if (index === 0) process.exit(4)
  while (!signal.aborted) await sleep(1)
}

export function* uncloneable(): Generator<unknown> {
  yield 1
  yield { nested: () => 1 }
}

/** Pending until its signal aborts. */
export async function* waiting({ signal }: Place): AsyncGenerator<number> {
  cells.count(CALLS)
  yield 1
  while (!signal.aborted) await sleep(1)
}

/** Never gives anything, nor lets anything else run. */
export function* busy(): Generator<number> {
  cells.count(CALLS)
  while (cells.get(GATE) === 0);
  yield 1
}
