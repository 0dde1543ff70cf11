import { fileURLToPath } from 'node:url'
import type { Part, Soak } from '../part.js'
import { CYCLES, type Cycle } from '../programs/plans.js'
import { trial } from '../trial.js'

const PROGRAM = fileURLToPath(new URL('../programs/cycling.js', import.meta.url))
const TIMEOUT = 600_000

/**
 * How many in a soak of 10 minutes, and at the least: fewer tell nothing, because the first ones grow whatever they are. A worker
 * takes a hundred times as long as a channel.
 */
const COUNTS: Record<Cycle, { count: number; least: number }> = {
  channels: { count: 1000, least: 300 },
  systems: { count: 1000, least: 600 },
  workers: { count: 300, least: 40 },
  modules: { count: 150, least: 30 },
}
/** By how much more a process with the library may grow than one without, each in parts of what it has after its warm-up. */
const MORE = 0.05

export const cycles: Part = {
  name: 'cycles',
  what: 'makes, uses and drops channels, systems and workers again and again, and minds the memory',
  share: 1,
  async run(soak) {
    do {
      for (const cycle of CYCLES) {
        const { count, least } = COUNTS[cycle]
        await compare(soak, cycle, Math.max(soak.goal(count), least))
      }
    } while (!soak.isOver())
  },
}

async function compare(soak: Soak, cycle: Cycle, count: number): Promise<void> {
  const control = await growth(soak, cycle, count, true)
  const runs = [await growth(soak, cycle, count, false)]
  const most = Math.max(control, 0) + MORE
  // What the allocators do differs from run to run, so one that looks like a leak is judged by the median of three.
  if ((runs[0] as number) > most) {
    for (let again = 0; again < 2; again++) runs.push(await growth(soak, cycle, count, false))
  }
  const ours = runs.sort((one, other) => one - other)[runs.length >> 1] as number
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const found = `${count} ${cycle}: grown by ${percent(ours)}, and without the library by ${percent(control)}`
  soak.log(found)
  if (ours > most) soak.tally.wrong('leaks', found)
}

/** By how much the memory grew from the warm-up to the end, in parts of what it was after the warm-up. */
async function growth({ tally }: Soak, cycle: Cycle, count: number, control: boolean): Promise<number> {
  const args = [PROGRAM, cycle, String(count), ...(control ? ['control'] : [])]
  const ended = await trial(process.execPath, ['--expose-gc', '--enable-source-maps', ...args], {
    timeout: TIMEOUT,
  })
  if (ended.hung || ended.code !== 0 || ended.stderr !== '') {
    const came = `${ended.signal ?? ended.code}, stderr: ${ended.stderr}`
    tally.wrong(
      ended.hung ? 'hangs' : 'crashes',
      `node ${args.join(' ')}: expected 0 and no stderr, got ${came}`,
    )
    return 0
  }
  const [warm, end] = JSON.parse(ended.stdout) as [number, number]
  return end / warm - 1
}
