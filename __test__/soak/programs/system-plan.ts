/** What happens to a system in a round, drawn from its seed. */

import type { Overflow } from '../../../src/index.js'
import type { Random } from '../../helpers/random.js'
import { between, once, pick } from './chance.js'
import type { Rates } from './system-handler.js'

/** How the system ends: once all is sent, at some moment, or by itself. */
export type SystemEnding =
  | 'all sent'
  | 'idle'
  | 'stopped'
  | 'timed out'
  | 'aborted'
  | 'not drained'
  | 'by signal'
  | 'unstarted'

export interface SystemPlan {
  items: number
  /** Numbers as items, and nothing else. */
  plain: boolean
  handler: 'function' | 'module'
  consumers: number
  capacity: number
  maxWaiting: number | undefined
  overflow: Overflow
  priorities: number
  batch: { size: number; within: number } | undefined
  retry: { attempts: number; deaths: number; backoff: { delay: number; jitter: number } }
  deadLetters: { keep: number; whenFull: 'evict' | 'block' }
  results: 'none' | 'read' | 'read slowly' | 'broken off'
  input: 'sends' | 'iterable' | 'generator'
  ending: SystemEnding
  rates: Rates
  /** How many workers are terminated at some moment, and how often it pauses for one. */
  terminations: number
  pauses: number
  seed: number
}

const NONE: Rates = {
  throws: 0,
  rejects: 0,
  unrecoverable: 0,
  slow: 0,
  busy: 0,
  exits: 0,
  exitsLater: 0,
  waits: 0,
  never: 0,
}

/** Endings that handlers which never end don't hold up. */
const HARSH: SystemEnding[] = ['timed out', 'aborted', 'not drained', 'by signal']

export function planSystem(random: Random): SystemPlan {
  const handler = once(random, 2) ? 'module' : 'function'
  const inModule = handler === 'module'
  const ending: SystemEnding = once(random, 2)
    ? pick(random, ['all sent', 'idle'])
    : pick(random, ['stopped', ...HARSH, ...HARSH, 'unstarted'])
  const overflow: Overflow = once(random, 6) ? pick(random, ['reject', 'drop-newest', 'drop-oldest']) : 'wait'
  const rates: Rates = { ...NONE, slow: pick(random, [0, 5, 50]) }
  if (!once(random, 3)) Object.assign(rates, { throws: 60, rejects: 30, unrecoverable: 10 })
  if (inModule && once(random, 2)) Object.assign(rates, { exits: 5, exitsLater: 5 })
  if (inModule && once(random, 2)) rates.busy = 200
  if (HARSH.includes(ending) && once(random, 2))
    Object.assign(rates, { waits: 20, never: once(random, 2) ? 10 : 0 })
  return {
    // To start a worker takes as long as thousands of items.
    items: between(random, 1, rates.exits === 0 && once(random, 4) ? 5000 : 500),
    plain: once(random, 2),
    handler,
    consumers: between(random, 1, inModule ? 3 : 8),
    capacity: pick(random, [1, 2, 5, 32, 1000]),
    maxWaiting: once(random, 8) ? random.below(30) : undefined,
    overflow,
    priorities: once(random, 6) ? between(random, 1, 3) : 0,
    batch: once(random, 4) ? { size: between(random, 1, 20), within: random.below(4) } : undefined,
    retry: {
      attempts: between(random, 1, 4),
      deaths: between(random, 1, 3),
      backoff: { delay: pick(random, [0, 0, 1, 3]), jitter: pick(random, [0, 0.5]) },
    },
    deadLetters: { keep: pick(random, [1, 10, 1000]), whenFull: once(random, 4) ? 'block' : 'evict' },
    results: pick(random, ['none', 'read', 'read', 'read slowly', 'broken off']),
    input: ending === 'unstarted' ? 'sends' : pick(random, ['sends', 'sends', 'iterable', 'generator']),
    ending,
    rates,
    terminations: inModule && once(random, 2) ? between(random, 1, 2) : 0,
    pauses: once(random, 4) ? between(random, 1, 3) : 0,
    seed: random.below(2 ** 31),
  }
}
