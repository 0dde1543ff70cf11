/** Handlers that tell of themselves in memory that is shared with the test. */

import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import type { Context } from '../../src/index.js'
import { Cells } from '../helpers/cells.js'
import { fillHeap } from '../helpers/heap.js'

let cells: Cells
let random = 0

/** Cells of the tests of one system, by name; those of items come after them. */
export const GATE = 0
export const BEGUN = 1
export const FINISHED = 2
export const INITS = 3
export const STARTS = 4
export const ABORTS = 5
export const ITEMS = 8

/** The cells of an item: how often its handling was begun, and how often it was finished. */
export const begun = (item: number): number => ITEMS + 2 * item
export const finished = (item: number): number => ITEMS + 2 * item + 1

export function init(given: SharedArrayBuffer | { memory: SharedArrayBuffer; seed: number }): void {
  if (isMainThread) throw new Error('expected to run in a worker')
  const { memory, seed } = given instanceof SharedArrayBuffer ? { memory: given, seed: 0 } : given
  cells = new Cells(memory)
  random = seed + cells.count(INITS)
}

function begin(item: number): void {
  cells.count(BEGUN)
  cells.count(begun(item))
}

function finish(item: number): number {
  cells.count(finished(item))
  cells.count(FINISHED)
  return item
}

/** Counts. */
export default function count(item: number): number {
  begin(item)
  return finish(item)
}

/** Item 0 blocks its thread until the gate opens. */
export function blocking(item: number): number {
  begin(item)
  if (item === 0) cells.wait(GATE)
  return finish(item)
}

/** Item 0 is pending until the gate opens. */
export async function pending(item: number): Promise<number> {
  begin(item)
  if (item === 0) await cells.opened(GATE)
  return finish(item)
}

/** Every item is pending until the gate opens. */
export async function allPending(item: number): Promise<number> {
  begin(item)
  await cells.opened(GATE)
  return finish(item)
}

/** Every item blocks its thread until the gate opens. */
export function allBlocking(item: number): number {
  begin(item)
  cells.wait(GATE)
  return finish(item)
}

/** Never comes to an end, nor lets anything else run. */
export function busy(item: number): never {
  begin(item)
  for (;;);
}

/** Some ms of asynchronous, or busy, work. */
export async function working(item: number): Promise<number> {
  begin(item)
  if (item % 2 === 0) await sleep(item % 3)
  else for (const end = performance.now() + (item % 3); performance.now() < end; );
  return finish(item)
}

/** Item 3, and every seventh after it, ends the worker that handles it first. */
export async function dying(item: number, { attempt }: Context): Promise<number> {
  begin(item)
  if (item % 7 === 3 && attempt === 1) {
    if (item % 2 === 0) await sleep(1)
    process.exit(item % 3)
  }
  return finish(item)
}

const forever = (): Promise<never> => new Promise(() => {})

/** Ways for a worker to die, none of them by what its handler throws. */
const DEATHS: Record<string, () => unknown> = {
  exit: () => process.exit(3),
  throw: () => {
    setImmediate(() => {
      throw new TypeError('outside of the handler')
    })
    return forever()
  },
  reject: () => {
    void Promise.reject(new TypeError('outside of the handler'))
    return forever()
  },
  memory: () => fillHeap(),
}

/** Item 5 ends, in its first attempt, the worker that handles it. */
export async function endedBy(item: string, { attempt }: Context): Promise<number> {
  const [digits = '', way = ''] = item.split(' ')
  const number = Number(digits)
  begin(number)
  if (number === 5 && attempt === 1) await DEATHS[way]?.()
  return finish(number)
}

/** Ends its worker every now and then: before, in or after the work, at once or a little later. */
export async function exiting(item: number): Promise<number> {
  random = (Math.imul(random, 1103515245) + 12345) >>> 0
  const moment = random >>> 16
  begin(item)
  if (moment % 500 === 0) process.exit(1)
  if (moment % 500 === 1) setImmediate(() => process.exit(0))
  if (moment % 3 === 0) await null
  if (moment % 100 === 2) await sleep(1)
  return finish(item)
}

/** Item 5 ends each worker that handles it. */
export async function poisonedBy(item: string): Promise<number> {
  const [digits = '', way = ''] = item.split(' ')
  if (digits === '5') await DEATHS[way]?.()
  return finish(Number(digits))
}

/** Every tenth item ends its worker, by an error that names the item. */
export function diesOf(item: number): number | Promise<never> {
  if (item % 10 !== 0) return item
  setImmediate(() => {
    throw new TypeError(`died of ${item}`)
  })
  return forever()
}

/** Ends the worker whenever it handles item 13. */
export async function poisoned(item: number): Promise<number> {
  begin(item)
  if (item === 13) process.exit(1)
  return finish(item)
}

/** Says what its context is. */
export function context(_: unknown, context: Context): unknown {
  return {
    id: context.id,
    attempt: context.attempt,
    worker: context.worker,
    headers: context.headers,
    aborted: context.signal.aborted,
  }
}

/** Dies in its first attempt, and says in its second what its context is. */
export function contextOfSecond(item: number, context: Context): unknown {
  begin(item)
  if (context.attempt === 1) process.exit(0)
  return { attempt: context.attempt, id: context.id }
}

/** Waits for the signal to abort; resolves with its reason. */
export async function untilAborted(item: number, { signal }: Context): Promise<string> {
  begin(item)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  const reason = signal.reason as Error & { code: string }
  if (reason.code === 'ERR_MILLRACE_TIMEOUT' || (reason.cause as Error).message === 'enough')
    cells.count(ABORTS)
  return reason.code
}

/** Ends the worker once the gate was opened as often as items came. */
export function diesLater(item: number): number {
  begin(item)
  const timer = setInterval(() => {
    if (cells.get(GATE) > item) process.exit(0)
  }, 1)
  timer.unref()
  return finish(item)
}
