/** Where results are written, and what stands beside them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CurveResult } from './curve.js'
import type { Machine } from './machine.js'
import type { WorkloadResult } from './result.js'

/** What a file of results holds. */
export interface Results extends Machine {
  /** When the run began, in ISO 8601. */
  date: string
  rounds: number
  quick: boolean
  cases: WorkloadResult[]
  /** Of the case `growth`, which has no peers. */
  curves?: CurveResult[]
}

/** Writes everything to one file. */
export function writeResults(file: string, results: Results): void {
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
}

/** Writes `folder`/DATE-CASE.json for one case, and gives the file's name. A later run of the same day replaces it. */
export function writeCase(folder: string, name: string, results: Results): string {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${results.date.slice(0, 10)}-${name}.json`)
  writeResults(file, results)
  return file
}
