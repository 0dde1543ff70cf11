/** What happens in a round, drawn from its seed. */

import type { ChannelOptions, Overflow } from '../../../src/index.js'
import type { Random } from '../../helpers/random.js'
import { between, once, pick } from './chance.js'
import { MAIN, WORKERS } from './channel-ledger.js'
import type { Doom } from './channel-receiving.js'
import type { Part } from './channel-thread.js'

/** How the channel ends: once all is sent, or at some moment. */
export type Ending = 'drained' | 'closed' | 'disposed' | 'aborted'

export interface Plan {
  fast: boolean
  options: ChannelOptions
  ending: Ending
  items: number
  /** Worker threads, and the main thread last where it takes part. */
  parts: Part[]
}

/** Of so many rounds one is fast: its items are numbers, many of them, in large batches. */
const FAST = 3
const DOOMS: Doom['how'][] = ['terminated', 'terminated', 'hoards', 'spins', 'exits', 'throws']

export function planRound(random: Random): Plan {
  const fast = once(random, FAST)
  const numbers = fast || once(random, 2)
  const priorities = !fast && once(random, 6) ? between(random, 1, 3) : 0
  const overflow: Overflow =
    !fast && once(random, 5) ? pick(random, ['reject', 'drop-newest', 'drop-oldest']) : 'wait'
  const options: ChannelOptions = {
    capacity: fast ? pick(random, [1000, 4000, 20_000]) : pick(random, [1, 2, 3, 7, 32, 100, 1000]),
    overflow,
    ...(priorities > 0 && { priorities }),
    ...(!fast && once(random, 6) && { maxWaiting: random.below(50) }),
  }
  const ending: Ending =
    fast && !once(random, 4)
      ? 'drained'
      : pick(random, ['drained', 'drained', 'closed', 'disposed', 'aborted', 'aborted'])
  const dooms = once(random, fast ? 8 : 3)
  const most = fast ? between(random, 100_000, 900_000) : once(random, 3) ? 3000 : 500
  let items = 0
  const part = (thread: number, role: 'sends' | 'receives' | 'both'): Part => {
    const from = items
    if (role !== 'receives') items += fast ? most : 1 + random.below(most)
    return {
      thread,
      seed: random.below(2 ** 31),
      fast,
      numbers,
      priorities,
      from,
      to: items,
      receives: role !== 'sends',
    }
  }
  const workers = fast ? between(random, 2, 3) : between(random, 1, WORKERS)
  const roles = ['sends', 'receives', 'both'] as const
  // One that sends and one that receives at least, so that there is something to see.
  const roleOf = (thread: number): (typeof roles)[number] =>
    workers === 1 ? 'both' : thread === 0 ? 'sends' : thread === 1 ? 'receives' : pick(random, roles)
  const parts = Array.from({ length: workers }, (_, thread) => part(thread, roleOf(thread)))
  if (dooms) {
    for (const doomed of parts) {
      if (!once(random, 2)) continue
      const how = doomed.receives ? pick(random, DOOMS) : 'terminated'
      doomed.doom = { how, after: random.below(fast ? 50_000 : 500) }
    }
  }
  if (!fast && once(random, 3)) parts.push(part(MAIN, pick(random, roles)))
  return { fast, options, ending, items, parts }
}
