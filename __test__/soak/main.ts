/** `npm run soak [-- PART…] [--minutes N] [--seed N]` */
import { Command, InvalidArgumentError } from 'commander'
import { buildBinary } from '../../scripts/cargo.js'
import { Random } from '../helpers/random.js'
import type { Part, Soak } from './part.js'
import { channels } from './parts/channels.js'
import { cycles } from './parts/cycles.js'
import { exits } from './parts/exits.js'
import { fuzzFrames, fuzzLines } from './parts/fuzz-native.js'
import { fuzzValues } from './parts/fuzz-values.js'
import { loads } from './parts/loads.js'
import { native } from './parts/native.js'
import { systems } from './parts/systems.js'
import { terminations } from './parts/terminations.js'
import { Tally, table, WRONG } from './tally.js'

const parts: Part[] = [
  native,
  channels,
  systems,
  exits,
  terminations,
  cycles,
  loads,
  fuzzFrames,
  fuzzLines,
  fuzzValues,
]
const names = parts.map(({ name }) => name).join(', ')

/** The minutes that the parts' goals are meant for. */
const WHOLE = 10

const command = new Command('soak')
  .description(
    'Tries for minutes what the tests try for seconds, and counts what was tried and what went wrong.',
  )
  .argument('[parts...]', `which of ${names}; all where none is named`, choose, [])
  .option(
    '--minutes <n>',
    `how long; goals are for ${WHOLE} minutes, and in proportion for others`,
    positive,
    WHOLE,
  )
  .option(
    '--seed <n>',
    'of all that is random, as an earlier soak printed it',
    wholeNumber,
    Date.now() % 2 ** 31,
  )
  .addHelpText(
    'after',
    `\nParts:\n${parts.map(({ name, what }) => `  ${name.padEnd(16)} ${what}`).join('\n')}`,
  )
  .action(soak)

command.parseAsync().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})

async function soak(chosen: Part[], { minutes, seed }: { minutes: number; seed: number }): Promise<void> {
  console.log(`seed ${seed}, ${minutes} minutes`)
  const running = chosen.length > 0 ? chosen : parts
  for (const { crate } of running) if (crate !== undefined) buildBinary(crate)
  const tallies = new Map(running.map(({ name }) => [name, new Tally()]))
  const shares = running.reduce((sum, { share }) => sum + (share === 'beside' ? 0 : share), 0)
  const total = minutes * 60_000

  const start = async (part: Part, time: number): Promise<void> => {
    const tally = tallies.get(part.name) ?? new Tally()
    const begun = performance.now()
    try {
      await part.run(soakFor(part, tally, seed, minutes / WHOLE, time))
    } catch (error) {
      tally.wrong('crashes', `the part could not run: ${error instanceof Error ? error.stack : error}`)
    }
    const problems = tally.problems.length > 0 ? `, ${tally.problems.length} problems` : ''
    console.error(`${part.name}: over after ${((performance.now() - begun) / 1000).toFixed(1)} s${problems}`)
  }

  const beside = running.filter(({ share }) => share === 'beside').map((part) => start(part, total))
  for (const part of running) {
    if (part.share !== 'beside') await start(part, (total * part.share) / shares)
  }
  await Promise.all(beside)

  for (const [name, { problems }] of tallies) {
    if (problems.length > 0)
      console.log(`\n${name}: again by npm run soak -- ${name} --minutes ${minutes} --seed ${seed}`)
    for (const problem of problems) console.log(`  ${problem}`)
  }
  const failures = [...tallies.values()].filter(({ failed }) => failed).length
  console.log(`\nsoak: ${tallies.size - failures} passed, ${failures} failed`)
  console.log(`\n${table(tallies)}\n`)
  const sum = (column: (typeof WRONG)[number]) =>
    [...tallies.values()].reduce((all, { counts }) => all + counts[column], 0)
  console.log(WRONG.map((column) => `${column} ${sum(column)}`).join(', '))
  if (failures > 0) process.exitCode = 1
}

function soakFor({ name }: Part, tally: Tally, seed: number, scale: number, time: number): Soak {
  // Of each part its own, so that one alone tries what it tried among others.
  const own = [...name].reduce((mixed, letter) => (Math.imul(mixed, 31) + letter.charCodeAt(0)) >>> 1, seed)
  const end = performance.now() + time
  const log = (message: string) => console.error(`${name}: ${message}`)
  return {
    seed: own,
    random: new Random({ log }, own),
    tally,
    goal: (count) => Math.ceil(count * scale),
    isOver: () => performance.now() >= end,
    timeLeft: () => Math.max(end - performance.now(), 0),
    log,
  }
}

function choose(name: string, before: Part[]): Part[] {
  const part = parts.find((candidate) => candidate.name === name)
  if (!part) throw new InvalidArgumentError(`expected one of ${names}, got ${name}`)
  return [...before, part]
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError(`expected a number above 0, got ${text}`)
  return value
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError(`expected a whole number from 0, got ${text}`)
  return value
}
