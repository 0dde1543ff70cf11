/** The fuzz targets of native/fuzz, each for all of the time. */
import { buildFuzzers, fuzz, type Target } from '../../../scripts/fuzzers.js'
import type { Part } from '../part.js'

const WRONG = { crash: 'crashes', hang: 'hangs' } as const

let built: Promise<void> | undefined

function fuzzPart(target: Target, what: string): Part {
  return {
    name: `fuzz-${target}`,
    what,
    share: 'beside',
    async run({ seed, tally, timeLeft, log }) {
      const start = performance.now()
      // Once for both.
      built ??= buildFuzzers()
      await built
      log(`built in ${((performance.now() - start) / 1000).toFixed(1)} s`)
      const { inputs, problem } = await fuzz(target, {
        seed,
        limit: { seconds: timeLeft() / 1000 },
        nice: 19,
      })
      tally.tried('inputs', inputs)
      log(`${inputs} inputs`)
      if (problem) tally.wrong(WRONG[problem.kind], problem.text)
    },
  }
}

export const fuzzFrames = fuzzPart(
  'frames',
  'any columns to the native decoder, and anything done to the batches that it makes, by libFuzzer',
)
export const fuzzLines = fuzzPart(
  'lines',
  'files of any bytes to the lines source, in any ranges and portions, by libFuzzer',
)
