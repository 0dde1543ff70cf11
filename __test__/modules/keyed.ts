/** A handler of items that have keys, which notes in shared memory what it does. */

import type { Context } from '../../src/index.js'
import { Cells } from '../helpers/cells.js'

/** Places in the memory: for each key, whether it is in hand, and the number of the next item of it. */
export const KEYS = 20
export const ORDER = 2 * KEYS

/** For `note`: how many items came, a gate, and from here on which they were. */
export const NOTES = 2

let cells: Cells
let numbers: Int32Array

export function init(memory: SharedArrayBuffer): void {
  cells = new Cells(memory)
  numbers = new Int32Array(memory)
}

/** Fails where two items of a key are in hand at once, or out of order; and one in 50 that is neither. */
export default async function handle([key, n]: [key: number, n: number]): Promise<void> {
  const others = Atomics.add(numbers, key, 1)
  const next = cells.get(KEYS + key)
  if (n % 3 === 0) await new Promise(setImmediate)
  Atomics.add(numbers, KEYS + key, 1)
  Atomics.sub(numbers, key, 1)
  if (others !== 0) throw new Error(`two of key ${key} at once`)
  if (next !== n) throw new Error(`${n} of key ${key} came in place of ${next}`)
  if (n % 50 === 49) throw new Error('on purpose')
}

/** Notes the items in the order in which they come. The first waits for the gate. */
export function note(item: number): void {
  const place = cells.count(0) - 1
  Atomics.store(numbers, NOTES + place, item)
  if (place === 0) cells.wait(1)
}

/** An item above 0 sends so many with the key that it says, and gives the codes of those that failed. */
export async function spread(item: number, context: Context<number>): Promise<string[]> {
  const codes: string[] = []
  for (let part = 0; part < item; part++) {
    const key = item % 2 === 0 ? 'a' : String(part)
    await context.send(0, { key }).catch((error) => codes.push(error.code))
  }
  return codes
}

/** Sends one less into its own system. */
export async function relay(item: number, context: Context<number>): Promise<void> {
  if (item > 0) await context.send(item - 1)
}

/** The first sends two at once, the second holds up its thread meanwhile. */
export async function fanOut(item: string, context: Context<string>): Promise<void> {
  if (item === 'two') await Promise.all([context.send('a'), context.send('b')])
  if (item === 'busy') for (const end = performance.now() + 100; performance.now() < end; );
}
