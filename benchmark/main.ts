/** `npm run bench [-- CASE…] [--json FILE] [--rounds N] [--quick]` */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { callback } from './cases/callback.js'
import { cpu } from './cases/cpu.js'
import { hotPath } from './cases/hot-path.js'
import { modules } from './cases/modules.js'
import { sending } from './cases/send.js'
import { machine } from './machine.js'
import { measure, type Workload, type WorkloadResult } from './measure.js'
import { table } from './table.js'

const cases: Record<string, Workload[]> = { 'hot-path': hotPath, ...sending, callback, modules, cpu }
const root = fileURLToPath(new URL('../..', import.meta.url))

interface Options {
  json?: string
  rounds: number
  quick: boolean
}

const command = new Command('bench')
  .description('Runs ours and its peers in turn, each in a process of its own, and compares medians.')
  .argument(
    '[cases...]',
    `which cases: ${Object.keys(cases).join(', ')}; all of them where none is named`,
    collectCase,
    [],
  )
  .option('--json <file>', 'write the results there, too')
  .option('--rounds <n>', 'how often each contestant runs', positiveInteger, 9)
  .option('--quick', 'a twentieth of the items, one round: to see that it works, not to compare', false)
  .action(bench)

command.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

async function bench(names: string[], { json, rounds, quick }: Options): Promise<void> {
  buildNative()
  const results: WorkloadResult[] = []
  for (const name of names.length > 0 ? names : Object.keys(cases)) {
    for (const workload of cases[name] ?? []) {
      const result = await measure(workload, {
        rounds: quick ? 1 : rounds,
        quick,
        onRun: (line) => console.error(line),
      })
      results.push(result)
      console.log(table(result))
    }
  }
  if (json !== undefined) {
    const details = { date: new Date().toISOString(), rounds: quick ? 1 : rounds, quick, ...machine(root) }
    writeFileSync(json, `${JSON.stringify({ ...details, cases: results }, null, 2)}\n`)
  }
}

function buildNative(): void {
  const { status, error } = spawnSync(
    'cargo',
    ['build', '--release', '--quiet', '--package', 'millrace-benchmark'],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  )
  if (error) throw error
  if (status !== 0) throw new Error(`expected the native contestants to build, got exit code ${status}`)
}

function collectCase(name: string, before: string[]): string[] {
  if (!(name in cases))
    throw new InvalidArgumentError(`expected one of ${Object.keys(cases).join(', ')}, got ${name}`)
  return [...before, name]
}

function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError(`expected a positive integer, got ${text}`)
  return value
}
