/** Tells what came with an item. */

import type { Context } from '../../src/index.js'

export interface Told {
  item: unknown
  id: string
  attempt: number
  headers: Readonly<Record<string, string>>
}

export default function told(item: unknown, { id, attempt, headers }: Context): Told {
  if (item === 'fails' && attempt === 1) throw new Error('once')
  if (item === 'kills' && attempt === 1) process.exit()
  return { item, id, attempt, headers }
}
