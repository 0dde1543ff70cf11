import { fileURLToPath } from 'node:url'
import type { Part } from '../part.js'
import { drawExit, wrongExit } from '../programs/exit-plan.js'
import { trial } from '../trial.js'

const PROGRAM = fileURLToPath(new URL('../programs/exiting.js', import.meta.url))
const TIMEOUT = 30_000
const AT_ONCE = 2

export const exits: Part = {
  name: 'exits',
  what: 'ends processes at random moments: exit, exceptions, rejections, signals, and by themselves',
  share: 3,
  async run({ random, tally, goal, isOver, log }) {
    const wanted = goal(1000)
    let begun = 0
    const seen = new Map<string, number>()
    const runner = async (): Promise<void> => {
      while (begun < wanted || !isOver()) {
        begun++
        const plan = drawExit(random)
        const ended = await trial(process.execPath, ['--enable-source-maps', PROGRAM, JSON.stringify(plan)], {
          timeout: TIMEOUT,
        })
        tally.tried('exits')
        seen.set(plan.end, (seen.get(plan.end) ?? 0) + 1)
        const wrong = ended.hung ? `no end in ${TIMEOUT} ms: ${ended.stderr}` : wrongExit(plan, ended)
        if (wrong !== undefined)
          tally.wrong(ended.hung ? 'hangs' : 'crashes', `node exiting.js '${JSON.stringify(plan)}': ${wrong}`)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, runner))
    log([...seen].map(([end, count]) => `${end} ${count}`).join(', '))
  },
}
