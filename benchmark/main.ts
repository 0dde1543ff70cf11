/** `npm run bench [-- CASE[/WORKLOAD]…] [--json FILE] [--rounds N] [--quick]` */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { buildBinary } from '../scripts/cargo.js'
import { callback } from './cases/callback.js'
import { cost } from './cases/cost.js'
import { cpu } from './cases/cpu.js'
import { exercise } from './cases/exercise.js'
import { flood } from './cases/flood.js'
import { growth } from './cases/growth.js'
import { hotPath } from './cases/hot-path.js'
import { modules } from './cases/modules.js'
import { roundTrip } from './cases/round-trip.js'
import { rust } from './cases/rust-items.js'
import { send } from './cases/send.js'
import { sendAwait } from './cases/send-await.js'
import { sendMany } from './cases/send-many.js'
import { type Curve, type CurveResult, curveTable, measureCurve } from './curve.js'
import { machine } from './machine.js'
import { measure } from './measure.js'
import type { WorkloadResult } from './result.js'
import { type Results, writeCase, writeResults } from './results.js'
import { table } from './table.js'
import type { Workload } from './workload.js'

const cases = new Map<string, Workload[]>(
  [hotPath, rust, send, sendAwait, sendMany, roundTrip, callback, modules, cpu, exercise, flood, cost].map(
    (workloads) => [workloads[0]?.case ?? '', workloads],
  ),
)
/** Cases without peers. */
const curves = new Map<string, Curve[]>([['growth', growth]])
const allNames = [...cases.keys(), ...curves.keys()]
const names = allNames.join(', ')
const root = fileURLToPath(new URL('../..', import.meta.url))

interface Options {
  json?: string
  rounds: number
  quick: boolean
}

/** A case to run, or some of its workloads. */
interface Chosen {
  name: string
  workloads: Workload[]
  curves: Curve[]
  whole: boolean
}

const command = new Command('bench')
  .description('Runs ours and its peers in turn, each in a process of its own, and compares medians.')
  .argument('[cases...]', `CASE or CASE/WORKLOAD, of the cases ${names}; all where none is named`, choose, [])
  .option('--json <file>', 'write the results there, instead of benchmark/results/DATE-CASE.json')
  .option('--rounds <n>', 'how often each contestant runs', positiveInteger, 9)
  .option('--quick', 'a twentieth of the items, one round: to see that it works, not to compare', false)
  .action(bench)

command.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

async function bench(chosen: Chosen[], { json, quick, ...options }: Options): Promise<void> {
  buildBinary('millrace-benchmark')
  const rounds = quick ? 1 : options.rounds
  const results: Results = { date: new Date().toISOString(), rounds, quick, ...machine(root), cases: [] }
  const measuring = { rounds, quick, onRun: (line: string) => console.error(line) }
  for (const { name, workloads, curves, whole } of chosen.length > 0 ? chosen : allNames.map(wholeCase)) {
    const measured: WorkloadResult[] = []
    const measuredCurves: CurveResult[] = []
    for (const workload of workloads) {
      const result = await measure(workload, measuring)
      measured.push(result)
      console.log(table(result))
    }
    for (const curve of curves) {
      const result = await measureCurve(curve, measuring)
      measuredCurves.push(result)
      console.log(curveTable(result))
    }
    results.cases.push(...measured)
    if (measuredCurves.length > 0) results.curves = [...(results.curves ?? []), ...measuredCurves]
    if (json === undefined && whole && !quick)
      console.error(writeCase(join(root, 'benchmark/results'), name, only(results, measured, measuredCurves)))
  }
  if (json !== undefined) writeResults(json, results)
}

/** The results of one case. */
function only({ curves: _, ...results }: Results, cases: WorkloadResult[], curves: CurveResult[]): Results {
  return { ...results, cases, ...(curves.length > 0 && { curves }) }
}

function choose(text: string, before: Chosen[]): Chosen[] {
  const [name = '', ...rest] = text.split('/')
  const whole = wholeCase(name)
  if (!allNames.includes(name)) throw new InvalidArgumentError(`expected one of ${names}, got ${name}`)
  if (rest.length === 0) return [...before, whole]
  const workload = rest.join('/')
  const workloads = whole.workloads.filter((candidate) => candidate.workload === workload)
  const curves = whole.curves.filter((candidate) => candidate.curve === workload)
  if (workloads.length + curves.length > 0) return [...before, { name, workloads, curves, whole: false }]
  const known = [
    ...whole.workloads.map(({ workload }) => workload),
    ...whole.curves.map(({ curve }) => curve),
  ].join(', ')
  throw new InvalidArgumentError(`expected a workload of ${name} (${known}), got ${workload}`)
}

function wholeCase(name: string): Chosen {
  return { name, workloads: cases.get(name) ?? [], curves: curves.get(name) ?? [], whole: true }
}

function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError(`expected a positive integer, got ${text}`)
  return value
}
