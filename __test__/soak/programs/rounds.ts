/** A program that plays rounds until its seconds are over, each from a seed of its own, and tells in one line of JSON what came of them. */

import { parseArgs } from 'node:util'
import type { Random } from '../../helpers/random.js'
import { Tally, type Told } from '../tally.js'
import { quietly } from './chance.js'

/** What a round gets. */
export interface Round {
  readonly random: Random
  readonly tally: Tally
  /** Counts what the tally has no column for. */
  figure(name: string, count?: number): void
  /** How it stands, for a round that does not end. */
  describe: () => string
}

/** What the program prints. */
export interface Outcome extends Told {
  rounds: number
  figures: Record<string, number>
}

/** ms after which a round counts as hung. Whole rounds take less than one hundredth of it. */
const PATIENCE = 40_000

/** Options: `--seconds N --seed N`, or `--round-seed N` for that one round again. */
export async function playRounds(play: (round: Round) => Promise<void>): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '1' },
      seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
      'round-seed': { type: 'string' },
    },
  })
  const seeds = quietly(Number(values.seed))
  const end = performance.now() + 1000 * Number(values.seconds)
  const tally = new Tally()
  const figures: Record<string, number> = {}
  let rounds = 0
  const tell = (): void => {
    const outcome: Outcome = { rounds, counts: tally.counts, problems: tally.problems, figures }
    console.log(JSON.stringify(outcome))
  }
  do {
    const seed = values['round-seed'] === undefined ? seeds.below(2 ** 31) : Number(values['round-seed'])
    // The last lines say which one it was, should the process die.
    console.error(`round ${seed}`)
    const before = tally.problems.length
    const round: Round = {
      random: quietly(seed),
      tally,
      figure: (name, count = 1) => {
        figures[name] = (figures[name] ?? 0) + count
      },
      describe: () => 'it had not begun',
    }
    const watchdog = setTimeout(() => {
      tally.wrong('hangs', `--round-seed ${seed} had not ended after ${PATIENCE} ms: ${round.describe()}`)
      tell()
      process.exit()
    }, PATIENCE)
    try {
      await play(round)
    } catch (error) {
      tally.wrong('crashes', error instanceof Error ? `${error.stack}` : `${error}`)
    }
    clearTimeout(watchdog)
    rounds++
    for (let index = before; index < tally.problems.length; index++)
      tally.problems[index] += ` (--round-seed ${seed})`
  } while (values['round-seed'] === undefined && performance.now() < end)
  tell()
}
