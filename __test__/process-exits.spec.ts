/** Ends of whole processes, as `npm run soak -- exits` tries them: each end once, at moments and among activities from a seed. */
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Random } from './helpers/random.js'
import { drawExit, wrongExit } from './soak/programs/exit-plan.js'
import { ENDS, type Terminated } from './soak/programs/plans.js'
import { trial } from './soak/trial.js'

const PROGRAMS = new URL('./soak/programs/', import.meta.url)
const program = (name: string): string => fileURLToPath(new URL(name, PROGRAMS))

for (const end of ENDS) {
  test.serial(`whatever is under way, a process ends rightly: ${end}`, async (t) => {
    const plan = drawExit(new Random(t), end)
    t.log(JSON.stringify(plan))
    const ended = await trial(process.execPath, [program('exiting.js'), JSON.stringify(plan)])
    t.false(ended.hung)
    t.is(wrongExit(plan, ended), undefined)
  })
}

test.serial(
  'workers that are terminated at any moment take along no more than they have in their hands',
  async (t) => {
    const plan = { count: 12, seed: new Random(t).below(2 ** 31) }
    const ended = await trial(process.execPath, [program('terminating.js'), JSON.stringify(plan)])
    t.deepEqual([ended.code, ended.stderr], [0, ''], JSON.stringify(plan))
    const { times, items, lost, duplicated, problems } = JSON.parse(ended.stdout) as Terminated
    t.is(times.length, 12)
    // Mostly some ms, where the machine is not busy.
    t.true(Math.max(...times) < 10_000, `${times}`)
    t.true(items > 0)
    t.deepEqual({ lost, duplicated, problems }, { lost: 0, duplicated: 0, problems: [] })
  },
)
