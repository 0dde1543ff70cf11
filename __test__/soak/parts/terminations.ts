import { fileURLToPath } from 'node:url'
import type { Part } from '../part.js'
import type { Terminated, TerminatePlan } from '../programs/plans.js'
import { trial } from '../trial.js'

const PROGRAM = fileURLToPath(new URL('../programs/terminating.js', import.meta.url))
/** Of each program. */
const TERMINATIONS = 50
const TIMEOUT = 120_000
/** ms after which a `terminate()` counts as a hang. Mostly it takes a few; the bound is for a machine that is busy. */
const LONGEST = 10_000

export const terminations: Part = {
  name: 'terminations',
  what: 'terminates workers at random moments, also inside native calls, while others use the same channels',
  share: 2,
  async run({ random, tally, goal, isOver, log }) {
    const wanted = goal(1000)
    const times: number[] = []
    while (times.length < wanted || !isOver()) {
      const plan: TerminatePlan = {
        count: Math.min(TERMINATIONS, Math.max(wanted - times.length, 10)),
        seed: random.below(2 ** 31),
      }
      const args = ['--enable-source-maps', PROGRAM, JSON.stringify(plan)]
      const ended = await trial(process.execPath, args, { timeout: TIMEOUT })
      const which = `node terminating.js '${JSON.stringify(plan)}'`
      if (ended.hung || ended.code !== 0 || ended.stderr !== '') {
        const came = `${ended.signal ?? ended.code}, stderr: ${ended.stderr}`
        tally.wrong(ended.hung ? 'hangs' : 'crashes', `${which}: expected 0 and no stderr, got ${came}`)
        // What the program would have counted.
        times.push(...new Array<number>(plan.count).fill(0))
        continue
      }
      const done = JSON.parse(ended.stdout) as Terminated
      times.push(...done.times)
      tally.tried('terminations', done.times.length)
      tally.tried('items', done.items)
      tally.tried('closes')
      if (done.lost > 0) tally.wrong('lost', `${which}: ${done.lost} lost`, done.lost)
      if (done.duplicated > 0)
        tally.wrong('duplicated', `${which}: ${done.duplicated} came twice`, done.duplicated)
      for (const problem of done.problems) tally.wrong('crashes', `${which}: ${problem}`)
      for (const time of done.times)
        if (time > LONGEST) tally.wrong('hangs', `${which}: a terminate() took ${Math.round(time)} ms`)
    }
    times.sort((a, b) => a - b)
    const at = (share: number): string => (times[Math.ceil(times.length * share) - 1] ?? 0).toFixed(1)
    log(`${times.length} terminate(): p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`)
  },
}
