/** Handlers that fail, or take too long. */

import type { Context } from '../../src/index.js'

/** Fails the first `n % 5` attempts. */
export function failing(n: number, { attempt }: Context): number {
  if (attempt <= n % 5) throw new Error(`no. ${n}`)
  return n
}

/** Takes too long: until its signal aborts, the first time; or for ever, and not even its thread can do anything else. */
export async function slow(item: string, { attempt, signal }: Context): Promise<number> {
  if (item === 'never ends') for (;;);
  if (attempt === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  return attempt
}
