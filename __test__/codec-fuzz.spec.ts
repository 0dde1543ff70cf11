import test from 'ava'
import * as fc from 'fast-check'
import { anyBlueprint } from './helpers/any-blueprint.js'
import { anyTraffic } from './helpers/any-traffic.js'
import { ALL_REFUSED } from './helpers/blueprint.js'
import { EchoThread } from './helpers/echo-thread.js'
import { checkTraffic } from './helpers/traffic-check.js'

// What fast-check prints where one fails is what `fc.assert` takes to run it again: `{ seed, path }`.

test('any value arrives as structured clone has it, whatever the calls', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyTraffic(anyBlueprint()), async (traffic) => void (await checkTraffic(traffic))),
    { numRuns: 60, includeErrorInReport: true },
  )
  t.pass()
})

test('any value with something in it that has no copy is refused, and takes nothing along', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      anyTraffic(anyBlueprint(ALL_REFUSED)),
      async (traffic) => void (await checkTraffic(traffic)),
    ),
    { numRuns: 40, includeErrorInReport: true },
  )
  t.pass()
})

test('any value arrives in the order of its priority and key', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      anyTraffic(anyBlueprint(), { marked: true }),
      async (traffic) => void (await checkTraffic(traffic, { marked: true })),
    ),
    { numRuns: 40, includeErrorInReport: true },
  )
  t.pass()
})

test('any value goes to another thread and back', async (t) => {
  await using echo = new EchoThread()
  await fc.assert(
    fc.asyncProperty(
      anyTraffic(anyBlueprint()),
      async (traffic) => void (await checkTraffic(traffic, { echo })),
    ),
    { numRuns: 40, includeErrorInReport: true },
  )
  t.pass()
})
