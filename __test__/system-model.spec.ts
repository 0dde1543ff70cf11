/**
 * Random programs of a system beside a model of it. MILLRACE_LONG=1 runs 10,000 of them, MILLRACE_PROGRAMS another number;
 * MILLRACE_SEED and MILLRACE_PATH run one again that failed.
 */

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { inspect } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { handlerModule, ProducerConsumerSystem, WorkerDiedError } from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { type Program, runModelled, type Send, type Step } from './helpers/modelled-system.js'
import type { Config, Outcome, Plan } from './helpers/system-model.js'
import type * as MortalModule from './modules/mortal.js'
import type { Fate, Mortal } from './modules/mortal.js'

const LONG = process.env.MILLRACE_LONG === '1'
const { MILLRACE_PROGRAMS, MILLRACE_SEED, MILLRACE_PATH } = process.env

/** Fails with the smallest program that fails, its seed and its path. */
async function check<V>(t: ExecutionContext, property: fc.IAsyncProperty<V>, numRuns: number): Promise<void> {
  const details = await fc.check(property, {
    numRuns: Number(MILLRACE_PROGRAMS ?? numRuns),
    // A smaller program is looked for no longer than that: each one that misses something waits in vain first.
    interruptAfterTimeLimit: (LONG ? 20 : 1) * 60_000,
    ...(MILLRACE_SEED && { seed: Number(MILLRACE_SEED) }),
    ...(MILLRACE_PATH && { path: MILLRACE_PATH }),
  })
  t.log(`${details.numRuns} programs, seed ${details.seed}`)
  const report = await fc.asyncDefaultReportMessage(details)
  if (details.failed) t.fail(`${report}\n${inspect(details.errorInstance)}`)
  else t.pass()
}

const often = <V>(weight: number, arbitrary: fc.Arbitrary<V>) => ({ weight, arbitrary })

const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  often(3, fc.constant<Outcome>('fail')),
  often(2, fc.constant<Outcome>('ok')),
  often(1, fc.constant<Outcome>('unrecoverable')),
)

const plans: fc.Arbitrary<Plan> = fc.record({
  key: fc.constantFrom(undefined, undefined, 'a', 'b'),
  priority: fc.nat(2),
  outcomes: fc.array(outcomes, { maxLength: 4 }),
  sync: fc.oneof(often(3, fc.constant(false)), often(1, fc.constant(true))),
})

const sends: fc.Arbitrary<Send> = fc
  .record({
    how: fc.constantFrom('send', 'sendMany', 'trySend', 'run'),
    items: fc.array(plans, { minLength: 1, maxLength: 5 }),
  })
  .map(({ how, items }) => ({ how, items: how === 'sendMany' ? items : items.slice(0, 1) }))

const sendSteps = fc
  .array(sends, { minLength: 1, maxLength: 4 })
  .map((some): Step => ({ do: 'sends', sends: some }))
const simple = (what: 'start' | 'pause' | 'resume' | 'idle' | 'stop' | 'abort') =>
  fc.constant<Step>({ do: what })

const early = fc.oneof(
  often(20, sendSteps),
  often(1, simple('idle')),
  often(1, simple('pause')),
  often(1, simple('stop')),
  often(1, simple('abort')),
)

const steps: fc.Arbitrary<Step> = fc.oneof(
  often(20, sendSteps),
  often(
    30,
    fc.nat(2).map((nth): Step => ({ do: 'settle', nth })),
  ),
  often(
    6,
    fc.record({ do: fc.constantFrom('redrive', 'discard'), odd: fc.constantFrom(undefined, false, true) }),
  ),
  often(4, simple('pause')),
  often(6, simple('resume')),
  often(2, simple('idle')),
  often(1, simple('start')),
  often(1, simple('stop')),
  often(1, simple('abort')),
)

const configs: fc.Arbitrary<Config> = fc
  .record({
    plain: fc.oneof(often(1, fc.constant(true)), often(3, fc.constant(false))),
    capacity: fc.integer({ min: 1, max: 4 }),
    consumers: fc.integer({ min: 1, max: 3 }),
    attempts: fc.integer({ min: 1, max: 3 }),
    priorities: fc.constantFrom(0, 1, 2, 3),
    keyOf: fc.boolean(),
    keep: fc.constantFrom(1000, 2),
    block: fc.boolean(),
    results: fc.boolean(),
  })
  // A system without any of these settles its items in a way of its own.
  .map(({ plain, ...config }) => (plain ? { ...config, attempts: 1, priorities: 0, keyOf: false } : config))

const programs: fc.Arbitrary<Program> = fc
  .record({
    config: configs,
    early: fc.array(early, { maxLength: 3 }),
    steps: fc.array(steps, { maxLength: 40, size: 'max' }),
  })
  .map((parts) => ({ config: parts.config, steps: [...parts.early, { do: 'start' }, ...parts.steps] }))

test('a system does what its model says, whatever the program', async (t) => {
  t.timeout(LONG ? 1_800_000 : 120_000)
  await check(t, fc.asyncProperty(programs, runModelled), LONG ? 10_000 : 1000)
})

const MORTAL = new URL('./modules/mortal.js', import.meta.url)
/** How many workers a program may kill: each one more takes its time. */
const DEATHS = 4

interface MortalProgram {
  consumers: number
  capacity: number
  attempts: number
  deaths: number
  fates: readonly (readonly Fate[])[]
  how: 'send' | 'sendMany' | 'run'
}

const fates = fc.array(
  fc.oneof(
    often(2, fc.constantFrom<Fate>('exit', 'exit later')),
    often(2, fc.constant<Fate>('fail')),
    often(2, fc.constant<Fate>('ok')),
    often(1, fc.constant<Fate>('unrecoverable')),
  ),
  { maxLength: 5 },
)

const mortalPrograms: fc.Arbitrary<MortalProgram> = fc
  .record({
    consumers: fc.integer({ min: 1, max: 3 }),
    capacity: fc.integer({ min: 1, max: 20 }),
    attempts: fc.integer({ min: 1, max: 3 }),
    deaths: fc.integer({ min: 1, max: 3 }),
    fates: fc.array(fates, { minLength: 1, maxLength: 20 }),
    how: fc.constantFrom<MortalProgram['how']>('send', 'sendMany', 'run'),
  })
  .map((program) => {
    let left = DEATHS
    const spare = (fate: Fate): Fate => (fate.startsWith('exit') && left-- <= 0 ? 'ok' : fate)
    return { ...program, fates: program.fates.map((some) => some.map(spare)) }
  })

interface Fortune {
  outcome: string
  attempts: number
  deaths: number
}

/** What becomes of an item: attempts that fail and those that end with their worker have a limit each. */
function fortuneOf(fates: readonly Fate[], n: number, limits: MortalProgram): Fortune {
  let [attempts, deaths] = [0, 0]
  for (;;) {
    const fate = fates[attempts++] ?? 'ok'
    if (fate === 'ok') return { outcome: `${n}.${attempts}`, attempts, deaths }
    if (fate.startsWith('exit')) {
      if (++deaths >= limits.deaths) return { outcome: 'died', attempts, deaths }
    } else if (fate === 'unrecoverable' || attempts - deaths >= limits.attempts) {
      return { outcome: `failed ${n}.${attempts}`, attempts, deaths }
    }
  }
}

test('workers that die settle each item as its model says', async (t) => {
  t.timeout(LONG ? 1_800_000 : 120_000)
  await check(t, fc.asyncProperty(mortalPrograms, runMortal), LONG ? 200 : 10)
})

async function runMortal(program: MortalProgram): Promise<void> {
  const { consumers, capacity, attempts, deaths, how } = program
  const items = program.fates.map((fates, n): Mortal => ({ n, fates }))
  const fortunes = items.map(({ fates, n }) => fortuneOf(fates, n, program))
  const cells = new Cells(items.length)
  const system = new ProducerConsumerSystem<Mortal, string>({
    consumers,
    capacity,
    results: how !== 'run',
    retry: { attempts, deaths },
    handler: handlerModule<typeof MortalModule>(MORTAL, { init: cells.memory }),
  })
  const letters: string[] = []
  let exits = 0
  system.on('workerExit', () => exits++)
  system.on('deadLetter', ({ item, attempts, deaths, reason, error }) => {
    const died = reason === 'died' && error instanceof WorkerDiedError
    letters.push(
      `${item.n}: ${died ? 'died' : `${reason} ${(error as Error).message}`}, ${attempts} ${deaths}`,
    )
  })
  const results: string[] = []
  const reading = (async () => {
    if (how !== 'run') for await (const result of system.results()) results.push(result)
  })()
  try {
    await system.start()
    if (how === 'sendMany') await system.sendMany(items)
    else if (how === 'send') await Promise.all(items.map((item) => system.send(item)))
    else {
      const runs = await Promise.allSettled(items.map((item) => system.run(item)))
      results.push(...runs.flatMap((run) => (run.status === 'fulfilled' ? [run.value] : [])))
    }
    const { produced, processed, deadLettered, failedAttempts, ...report } = await system.stop()
    await reading
    const passed = fortunes.filter(({ outcome }) => /^\d/.test(outcome)).map(({ outcome }) => outcome)
    const lost = fortunes.flatMap(({ outcome, attempts, deaths }, n) =>
      /^\d/.test(outcome) ? [] : [`${n}: ${outcome}, ${attempts} ${deaths}`],
    )
    deepStrictEqual(results.toSorted(), passed.toSorted())
    deepStrictEqual(letters.toSorted(), lost.toSorted())
    const tries = fortunes.map((fortune) => fortune.attempts)
    deepStrictEqual(
      items.map(({ n }) => cells.get(n)),
      tries,
      'attempts that were begun',
    )
    const failed = tries.reduce((sum, n) => sum + n, 0) - passed.length
    deepStrictEqual(
      { produced, processed, deadLettered, failedAttempts },
      {
        produced: items.length,
        processed: passed.length,
        deadLettered: lost.length,
        failedAttempts: failed,
      },
    )
    strictEqual(report.discarded + report.retrying + report.inFlight + report.queued, 0)
    // A worker that nobody needs any more is not replaced, and its death is not told.
    ok(exits <= fortunes.reduce((sum, fortune) => sum + fortune.deaths, 0), `${exits} workers died`)
  } finally {
    await system.abort()
    await reading.catch(() => {})
  }
}
