/**
 * `npm run fuzz [-- TARGET [SECONDS [SEED]]]`: all fuzz targets for a few seconds, as `npm test` does; or one for as long as one likes.
 */
import { buildFuzzers, fuzz, TARGETS, type Target, whatIsMissing } from './fuzzers.js'

/** Some seconds' worth. */
const RUNS: Record<Target, number> = { frames: 20_000, lines: 5_000 }

const [only, seconds, given] = process.argv.slice(2)
const seed = Number(given ?? process.env.MILLRACE_SEED ?? Date.now() % 2 ** 31)
// CI has to fuzz; elsewhere the other tests are worth running without it.
const required = process.env.MILLRACE_FUZZ === 'required'
const missing = process.env.MILLRACE_FUZZ === 'off' ? 'MILLRACE_FUZZ=off' : whatIsMissing()
if (missing !== undefined) {
  console.log(`fuzz: not run, ${missing}`)
  if (required) process.exitCode = 1
} else {
  await buildFuzzers()
  const chosen = only === undefined ? TARGETS : TARGETS.filter((target) => target === only)
  if (chosen.length === 0) throw new Error(`expected one of ${TARGETS.join(', ')}, got ${only}`)
  console.log(`seed ${seed}`)
  const results = await Promise.all(
    chosen.map(async (target) => {
      const limit = seconds === undefined ? { runs: RUNS[target] } : { seconds: Number(seconds) }
      return { target, ...(await fuzz(target, { seed, limit })) }
    }),
  )
  for (const { target, inputs, problem } of results)
    console.log(`${problem ? '✘' : '✔'} ${target}: ${inputs} inputs${problem ? `\n${problem.text}` : ''}`)
  const failed = results.filter(({ problem }) => problem).length
  console.log(`fuzz: ${results.length - failed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}
