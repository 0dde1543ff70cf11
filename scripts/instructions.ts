/**
 * `npm run instructions [-- --update]`: how many instructions an item takes on its way through the core, counted by
 * callgrind, against what benchmark/instructions/baseline.json has.
 */
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { binary, buildBinary } from './cargo.js'
import { type Baseline, type Counts, compare } from './instruction-counts.js'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const baselineFile = `${root}benchmark/instructions/baseline.json`
const program = binary('millrace-instructions')

/** The shorter of the two runs; what the longer one has more is what so many items take. A multiple of all batches. */
const ITEMS = 10_000

/**
 * The C library picks its copying functions by the features of the CPU, which valgrind passes on in part. Without
 * these features it picks the same ones everywhere. Versions of it name them differently, and skip what they don't know.
 */
const CPU = 'glibc.cpu.hwcaps=-AVX,-AVX2,-AVX2_Usable,-AVX512F,-AVX512VL,-AVX512F_Usable,-ERMS,-FSRM'

const update = process.argv.includes('--update')
// CI has to count; elsewhere the other tests are worth running without it.
const required = process.env.MILLRACE_INSTRUCTIONS === 'required'
const missing = whyMissing()
if (missing !== undefined) {
  console.log(`instructions: not counted, ${missing}`)
  if (update || required) process.exitCode = 1
} else {
  await main()
}

async function main(): Promise<void> {
  const paths = (await execute(program, ['--list'])).stdout.trim().split('\n')
  const counts = Object.fromEntries(
    await mapAtOnce(paths, async (path) => [path, await count(path)] as const),
  )
  if (update) {
    const baseline: Baseline = { compiler: compiler(), library: library(), paths: counts }
    writeFileSync(baselineFile, `${JSON.stringify(baseline, null, 2)}\n`)
    console.log(`wrote ${paths.length} counts to ${baselineFile}`)
    return
  }
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8')) as Baseline
  const { lines, passed, failures } = compare(baseline, counts)
  for (const line of lines) console.log(line)
  if (failures.length > 0) {
    for (const failure of failures) console.log(failure)
    console.log(`The baseline was counted with ${baseline.compiler} and ${baseline.library},`)
    console.log(`and this is ${compiler()} and ${library()}.`)
    console.log('If it has to be so, say why and commit what `npm run instructions -- --update` writes.')
  }
  console.log(`instructions: ${passed} passed, ${failures.length} failed`)
  process.exitCode = failures.length === 0 ? 0 : 1
}

/** Builds the program that is counted, unless something keeps it from being run. */
function whyMissing(): string | undefined {
  if (process.env.MILLRACE_INSTRUCTIONS === 'off') return 'MILLRACE_INSTRUCTIONS=off'
  const valgrind = spawnSync('valgrind', ['--version'], { encoding: 'utf8' })
  if (valgrind.error || valgrind.status !== 0) {
    return 'valgrind is missing (Debian: apt-get install valgrind)'
  }
  buildBinary('millrace-instructions')
  return undefined
}

/** What one item takes along `path`. */
async function count(path: string): Promise<Counts> {
  const short = await run(path, ITEMS)
  const long = await run(path, 2 * ITEMS)
  return {
    instructions: (long.instructions - short.instructions) / ITEMS,
    allocations: (long.allocations - short.allocations) / ITEMS,
  }
}

async function run(path: string, items: number): Promise<Counts> {
  const { stdout, stderr } = await execute(
    'valgrind',
    ['--tool=callgrind', '--callgrind-out-file=/dev/null', program, path, String(items)],
    { env: { ...process.env, GLIBC_TUNABLES: CPU } },
  )
  const collected = /Collected : (\d+)/.exec(stderr)?.[1]
  if (collected === undefined) throw new Error(`expected callgrind to print a count, got ${stderr}`)
  return { instructions: Number(collected), allocations: Number(stdout) }
}

/** As many at once as there are cores: another process changes no count. */
async function mapAtOnce<T, R>(values: readonly T[], map: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const next = values.entries()
  const lane = async () => {
    for (const [index, value] of next) results[index] = await map(value)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  return results
}

function compiler(): string {
  return firstLine('rustc', '--version')
}

function library(): string {
  return firstLine('ldd', '--version')
}

function firstLine(command: string, ...args: string[]): string {
  const { stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return stdout?.split('\n')[0]?.trim() || `${command}: unknown`
}
