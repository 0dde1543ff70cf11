/** A handler of items that say what becomes of each of their attempts. */

import { type Context, UnrecoverableError } from '../../src/index.js'
import { Cells } from '../helpers/cells.js'

export type Fate = 'ok' | 'fail' | 'unrecoverable' | 'exit' | 'exit later'

export interface Mortal {
  n: number
  /** Of each attempt; then it succeeds. */
  fates: readonly Fate[]
}

let cells: Cells

export function init(memory: SharedArrayBuffer): void {
  cells = new Cells(memory)
}

/** Counts its attempts at each item in the cell of the item's number. */
export default function handle({ n, fates }: Mortal, { attempt }: Context): string | Promise<string> {
  cells.count(n)
  const fate = fates[attempt - 1]
  if (fate === 'exit') process.exit(1)
  switch (fate) {
    case 'exit later':
      return new Promise(() => setImmediate(() => process.exit(0)))
    case 'fail':
      throw new Error(`${n}.${attempt}`)
    case 'unrecoverable':
      return Promise.reject(new UnrecoverableError(`${n}.${attempt}`))
    default:
      return attempt % 2 === 0 ? Promise.resolve(`${n}.${attempt}`) : `${n}.${attempt}`
  }
}
