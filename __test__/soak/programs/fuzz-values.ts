/**
 * `node fuzz-values.js SECONDS SEED [WAY PATH]`: any values through channels, until the time is over or one does not arrive as it
 * should. Prints what was tried as JSON; a failure as fast-check has it, with how to run that one again.
 */
import * as fc from 'fast-check'
import { anyBlueprint } from '../../helpers/any-blueprint.js'
import { anyTraffic } from '../../helpers/any-traffic.js'
import { ALL_REFUSED } from '../../helpers/blueprint.js'
import { EchoThread } from '../../helpers/echo-thread.js'
import type { Traffic } from '../../helpers/traffic.js'
import { checkTraffic } from '../../helpers/traffic-check.js'

/** What is tried before the next way has its turn: fast-check keeps what it has drawn. */
const RUNS = 50

await using echo = new EchoThread()

const WAYS: Record<string, { traffic: fc.Arbitrary<Traffic>; check: (traffic: Traffic) => Promise<number> }> =
  {
    alone: { traffic: anyTraffic(anyBlueprint()), check: (traffic) => checkTraffic(traffic) },
    refused: { traffic: anyTraffic(anyBlueprint(ALL_REFUSED)), check: (traffic) => checkTraffic(traffic) },
    marked: {
      traffic: anyTraffic(anyBlueprint(), { marked: true }),
      check: (traffic) => checkTraffic(traffic, { marked: true }),
    },
    echo: { traffic: anyTraffic(anyBlueprint()), check: (traffic) => checkTraffic(traffic, { echo }) },
  }

const [seconds = '10', seed = '1', only, path] = process.argv.slice(2)
const end = performance.now() + 1000 * Number(seconds)
const tried = { inputs: 0, items: 0 }

async function run(way: string, seed: number): Promise<boolean> {
  const { traffic, check } = WAYS[way] as (typeof WAYS)[string]
  const result = await fc.check(
    fc.asyncProperty(traffic, async (drawn) => {
      if (performance.now() >= end) return
      tried.inputs++
      tried.items += await check(drawn)
    }),
    {
      seed,
      numRuns: RUNS,
      includeErrorInReport: true,
      ...(path !== undefined && { path }),
    },
  )
  if (!result.failed) return true
  console.log(await fc.asyncDefaultReportMessage(result))
  console.log(`again: fuzz-values ${seconds} ${seed} ${way} ${result.counterexamplePath}`)
  return false
}

let passes = true
for (let round = 0; passes && (round === 0 || (only === undefined && performance.now() < end)); round++)
  for (const way of only === undefined ? Object.keys(WAYS) : [only])
    passes &&= await run(way, (Number(seed) + round) | 0)

console.log(JSON.stringify(tried))
process.exitCode = passes ? 0 : 1
