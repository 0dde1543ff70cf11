import { binary } from '../../../scripts/cargo.js'
import type { Part, Soak } from '../part.js'
import type { Tally, Wrong } from '../tally.js'
import { type Ended, trial } from '../trial.js'

const CRATE = 'millrace-soak'
/** Items in a soak of 10 minutes. */
const GOAL = 1e9
/** s that one process takes: one that crashes or hangs takes no more than that with it. */
const SLICE = 20
/** ms past its time that a process may take. A round takes far less than a second. */
const PATIENCE = 60_000

/** What the binary prints. */
interface Found {
  rounds: number
  items: number
  wildItems: number
  hotItems: number
  closes: number
  aborts: number
  cancelledWaits: number
  failedAttempts: number
  lost: number
  duplicated: number
  wrong: number
  problems: { fault: 'lost' | 'duplicated' | 'wrong'; count: number; seed: number; what: string }[]
}

type Sums = Omit<Found, 'problems'>

export const native: Part = {
  name: 'native',
  what: 'the core in Rust: every way to send, receive, fail, cancel and end at random, each item accounted for',
  share: 2,
  crate: CRATE,
  async run(soak) {
    const goal = soak.goal(GOAL)
    const sums: Partial<Sums> = {}
    while (!soak.isOver() || (sums.items ?? 0) < goal) {
      const left = soak.timeLeft() / 1000
      const seconds = left > 0 ? Math.min(SLICE, Math.max(left, 1)) : SLICE / 4
      // What is left of the goal is shared by the slices that are left; past its time, one is to do all of it.
      const items = Math.ceil(
        Math.max(goal - (sums.items ?? 0), 0) * Math.min(seconds / Math.max(left, 1e-9), 1),
      )
      const seed = soak.random.below(2 ** 31)
      const found = await slice(soak, seed, seconds, items)
      if (found !== undefined) add(sums, found)
      // It would go on failing.
      else if (soak.isOver()) break
    }
    soak.log(
      Object.entries(sums)
        .map(([name, count]) => `${name} ${count.toLocaleString('en-US')}`)
        .join(', '),
    )
  },
}

/** Runs the binary for some seconds. Nothing, where it didn't end as it should. */
async function slice(
  { tally, log }: Soak,
  seed: number,
  seconds: number,
  items: number,
): Promise<Found | undefined> {
  const args = ['--seed', `${seed}`, '--seconds', seconds.toFixed(3), '--items', `${items}`]
  const ended = await trial(binary(CRATE), args, { timeout: seconds * 1000 + PATIENCE })
  if (ended.hung || ended.code !== 0) {
    const came = ended.hung ? 'no end' : `${ended.signal ?? ended.code}`
    tally.wrong(ended.hung ? 'hangs' : 'crashes', `${CRATE} ${args.join(' ')}: ${came}, ${lastWords(ended)}`)
    return undefined
  }
  const found = JSON.parse(ended.stdout) as Found
  count(tally, found)
  log(`seed ${seed}: ${found.rounds} rounds, ${found.items.toLocaleString('en-US')} items`)
  return found
}

/** The round that it was in, and what it had to say about it. */
function lastWords({ stderr }: Ended): string {
  return stderr.slice(stderr.lastIndexOf('\nround ') + 1).trim()
}

function count(tally: Tally, found: Found): void {
  tally.tried('items', found.items)
  tally.tried('closes', found.closes)
  tally.tried('aborts', found.aborts)
  const columns = { lost: 'lost', duplicated: 'duplicated', wrong: 'crashes' } as const satisfies Record<
    string,
    Wrong
  >
  for (const fault of ['lost', 'duplicated', 'wrong'] as const) {
    let rest = found[fault]
    for (const problem of found.problems.filter((problem) => problem.fault === fault)) {
      tally.wrong(columns[fault], `${CRATE} --round-seed ${problem.seed}: ${problem.what}`, problem.count)
      rest -= problem.count
    }
    if (rest > 0) tally.wrong(columns[fault], `${CRATE}: ${rest} more`, rest)
  }
}

function add(sums: Partial<Sums>, { problems: _, ...found }: Found): void {
  for (const [name, count] of Object.entries(found) as [keyof Sums, number][])
    sums[name] = (sums[name] ?? 0) + count
}
