/** A part whose trials are processes that play rounds until their time is over; see `programs/rounds.ts`. */

import { fileURLToPath } from 'node:url'
import type { Part, Soak } from './part.js'
import type { Outcome } from './programs/rounds.js'
import { type Ended, trial } from './trial.js'

/** s that one process plays: what one finds is told of while the next one runs. */
const LONGEST = 20
const SHORTEST = 1
/** s that one plays where only the goal is not met yet: to start one takes as long as some rounds. */
const FURTHER = 5
/** s that it may take beyond, to end the round in hand and itself. */
const GRACE = 60
/** How much of its errors is told of a process that died. */
const LINES = 20

/** @param goal - items in a soak of 10 minutes */
export function roundsPart({
  name,
  what,
  share,
  goal = 0,
}: {
  name: string
  what: string
  share: number
  goal?: number
}): Part {
  const program = fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url))
  return {
    name,
    what,
    share,
    run: async (soak) => {
      const { tally } = soak
      // What goes wrong at once would otherwise never meet its goal.
      while (!soak.isOver() || (tally.counts.items < soak.goal(goal) && !tally.failed)) {
        const left = soak.isOver() ? FURTHER : soak.timeLeft() / 1000
        const seconds = Math.min(Math.max(SHORTEST, left), LONGEST)
        const args = ['--enable-source-maps', program, '--seconds', seconds.toFixed(1)]
        const ended = await trial(process.execPath, [...args, '--seed', `${soak.random.below(2 ** 31)}`], {
          timeout: 1000 * (seconds + GRACE),
        })
        take(soak, program, ended)
      }
    },
  }
}

/** Counts what a process has told, and how it ended. */
export function take({ tally, log }: Pick<Soak, 'tally' | 'log'>, program: string, ended: Ended): void {
  const { code, signal, hung, stdout, stderr } = ended
  const last = stderr.trimEnd().split('\n').slice(-LINES).join('\n')
  const end = signal ?? `exit code ${code}`
  if (hung) tally.wrong('hangs', `${program} had not ended ${GRACE} s after its time:\n${last}`)
  else if (code !== 0) tally.wrong('crashes', `${program}: ${end}:\n${last}`)
  const outcome = parsed(stdout)
  if (outcome) {
    tally.add(outcome)
    const figures = Object.entries(outcome.figures).map(([what, count]) => `${count} ${what}`)
    log(`${outcome.rounds} rounds: ${figures.join(', ')}`)
  } else if (!hung && code === 0) {
    tally.wrong('crashes', `${program}: expected a line of JSON, got ${JSON.stringify(stdout)}:\n${last}`)
  }
}

function parsed(stdout: string): Outcome | undefined {
  try {
    return JSON.parse(stdout) as Outcome
  } catch {
    return undefined
  }
}
