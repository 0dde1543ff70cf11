/** Any values through channels, in any ways, in a process of their own. */
import { fileURLToPath } from 'node:url'
import type { Part } from '../part.js'
import { trial } from '../trial.js'

const PROGRAM = fileURLToPath(new URL('../programs/fuzz-values.js', import.meta.url))
/** ms that it may need beyond its time, to make a counterexample smaller. */
const GRACE = 300_000

export const fuzzValues: Part = {
  name: 'fuzz-values',
  what: 'any structured-cloneable values, sent and received in any ways, on one thread and to another and back',
  share: 'beside',
  async run({ seed, tally, timeLeft, log }) {
    const time = timeLeft()
    const args = [PROGRAM, `${time / 1000}`, `${seed}`]
    const { code, signal, hung, stdout, stderr } = await trial(
      'nice',
      ['-n', '19', process.execPath, '--enable-source-maps', ...args],
      { timeout: time + GRACE },
    )
    const [last] = stdout.trimEnd().split('\n').slice(-1)
    if (last?.startsWith('{')) {
      const { inputs, items } = JSON.parse(last) as { inputs: number; items: number }
      tally.tried('inputs', inputs)
      tally.tried('items', items)
      log(`${inputs} inputs, ${items} items`)
    }
    if (hung) tally.wrong('hangs', `fuzz-values with seed ${seed} did not end\n${stdout}${stderr}`)
    else if (code !== 0)
      tally.wrong('crashes', `expected fuzz-values to end with 0, got ${signal ?? code}\n${stdout}${stderr}`)
  },
}
