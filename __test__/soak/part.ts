/** The contract between `npm run soak` and its parts. */
import type { Random } from '../helpers/random.js'
import type { Tally } from './tally.js'

/** One kind of trial. Its file in `parts` exports one; `main.ts` lists them. */
export interface Part {
  name: string
  /** What it tries, in a line. */
  what: string
  /**
   * How much of the soak's time it takes, beside the shares of the others, which run one after the other; `beside`: it runs next
   * to them from the beginning to the end, at a low priority.
   */
  share: number | 'beside'
  /** The crate whose binary it runs: it is built before the time of the soak begins. */
  crate?: string
  /**
   * Tries until both its goals are met and its time is over. Whatever may crash or hang runs in a process of its own (`trial()`):
   * a part itself neither loads the addon nor ends early. It throws only where it can't run at all.
   */
  run(soak: Soak): Promise<void>
}

/** What a part gets. */
export interface Soak {
  /** The seed of this part, for programs of its own; the same again for the same `--seed`. */
  readonly seed: number
  /** From that seed. */
  readonly random: Random
  readonly tally: Tally
  /** The part's goals are meant for a soak of 10 minutes; a soak of M minutes has goals M / 10 times as high. */
  goal(count: number): number
  /** Whether the part's time is over. */
  isOver(): boolean
  /** ms until the part's time is over, 0 at the least. */
  timeLeft(): number
  /** Says how far it is, on stderr. */
  log(message: string): void
}
