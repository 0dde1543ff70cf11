/** What programs decide by chance. */

import { setTimeout as sleep } from 'node:timers/promises'
import { turns } from '../../helpers/gate.js'
import { Random } from '../../helpers/random.js'

/** Numbers from a seed that somebody else prints. */
export function quietly(seed: number): Random {
  return new Random({ log: () => {} }, seed)
}

/** Whether something happens that happens once in `times`. */
export function once(random: Random, times: number): boolean {
  return random.below(times) === 0
}

/** A whole number from `least` to `most`. */
export function between(random: Random, least: number, most: number): number {
  return least + random.below(most - least + 1)
}

export function pick<V>(random: Random, values: readonly V[]): V {
  return values[random.below(values.length)] as V
}

/** Some moment: a few turns of the event loop from now, or as many ms. */
export async function moment(random: Random): Promise<void> {
  if (once(random, 2)) await turns(random.below(60))
  else await sleep(random.below(20))
}
