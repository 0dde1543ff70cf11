/** What the contestants share: their arguments, the values they push, and the line they print. */
import type { Run } from '../process.js'

/** How many items a window has: as many as ours may have between producers and the handler. */
export const WINDOW = 1000

/** How many handlers may be under way at once. */
export const CONCURRENCY = 5

const [, , ...args] = process.argv

/** The arguments before the number of items. */
export const modes = args.slice(0, -1)
export const items = Number(args.at(-1))

/** A window's values, stored before they are pushed: 0, 1, 2 … in all. */
const values = new Array<number>(WINDOW)

/** Calls `push` for each value, window by window, and waits for `idle`, which hears how many a window has, after each. */
export async function feed(
  push: (value: number) => void,
  idle: (length: number) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items; start += WINDOW) {
    const length = Math.min(WINDOW, items - start)
    for (let n = 0; n < length; n++) values[n] = start + n
    const done = idle(length)
    for (let n = 0; n < length; n++) push(values[n] as number)
    await done
  }
}

/** Adds up what arrives. */
export const arrived = { count: 0, sum: 0 }

export function add(value: number): void {
  arrived.count++
  arrived.sum += value
}

/** Times `contest` and prints the result. */
export async function run(contest: () => Promise<void>): Promise<void> {
  const start = performance.now()
  await contest()
  print(arrived, start)
}

/** Prints what arrived since `start`. */
export function print({ count, sum }: typeof arrived, start: number): void {
  const result: Run = { count, sum, seconds: (performance.now() - start) / 1000 }
  console.log(JSON.stringify(result))
}
