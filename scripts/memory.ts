/**
 * `npm run memory [-- --long]`: runs tests of the core, and the binding in Node, under what sees accesses and leaks that no
 * test sees. Without `--long` it is what fits into each run of the tests.
 */
import { availableParallelism } from 'node:os'
import { addon } from './memory/addon.js'
import { memcheck } from './memory/memcheck.js'
import { addresses, threads } from './memory/sanitizers.js'
import type { Outcome, Tool, Trial } from './memory/tool.js'

const TOOLS: Tool[] = [memcheck, addon, addresses, threads]

const long = process.argv.includes('--long')
const outcomes: Outcome[] = []
for (const tool of TOOLS) {
  if (!long && !tool.inEachRun) continue
  const missing = tool.missing()
  if (missing === undefined) outcomes.push(...(await runAll(tool, await tool.trials(long))))
  else console.log(`memory: not checked by ${tool.name}: ${missing}`)
}
const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)
const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0)
console.log(`memory: ${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** As many at once as there are cores. */
async function runAll({ name }: Tool, trials: readonly Trial[]): Promise<Outcome[]> {
  const done: Outcome[] = []
  const next = trials.values()
  const lane = async (): Promise<void> => {
    for (const trial of next) {
      const outcome = await trial.run()
      if (outcome.failed > 0) console.log(outcome.output)
      console.log(`${name}: ${trial.what}: ${outcome.passed} passed, ${outcome.failed} failed`)
      done.push(outcome)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  return done
}
