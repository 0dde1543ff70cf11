/** What a count of instructions may be, by what it was. */

/** What one item takes. */
export interface Counts {
  instructions: number
  allocations: number
}

export interface Baseline {
  /** What compiled the program that was counted: its counts are those of this compiler. */
  compiler: string
  /** The C library: allocations are in the counts. */
  library: string
  paths: Record<string, Counts>
}

export interface Comparison {
  /** A line a path. */
  lines: string[]
  passed: number
  /** What was expected and what came, a line each. */
  failures: string[]
}

/** What a count may be above the baseline's. */
export const MARGIN = 0.1

/** What a count may differ by in any case, so that one that was next to nothing is not held to next to nothing. */
const NOISE = 0.01

/** Holds every path of either against the other: one that has no baseline, or that was not counted, fails. */
export function compare(baseline: Baseline, counts: Record<string, Counts>): Comparison {
  const lines: string[] = []
  const failures: string[] = []
  let passed = 0
  for (const path of new Set([...Object.keys(baseline.paths), ...Object.keys(counts)])) {
    const problem = problemOf(baseline.paths[path], counts[path])
    const mark = problem === undefined ? '✔' : '✘'
    lines.push(`  ${mark} ${path}: ${counts[path] === undefined ? 'not counted' : describe(counts[path])}`)
    if (problem === undefined) passed++
    else failures.push(`${path}: ${problem}`)
  }
  return { lines, passed, failures }
}

function problemOf(expected: Counts | undefined, got: Counts | undefined): string | undefined {
  if (expected === undefined) return 'expected it in the baseline, got a path that has none'
  if (got === undefined) return 'expected a path that is in the baseline to be counted, got no count'
  for (const what of ['instructions', 'allocations'] as const) {
    const most = expected[what] * (1 + MARGIN) + NOISE
    if (got[what] > most) {
      const was = format(expected[what])
      return `expected at most ${format(most)} ${what} an item (${was} and ${MARGIN * 100} %), got ${format(got[what])}`
    }
  }
  return undefined
}

function describe({ instructions, allocations }: Counts): string {
  return `${format(instructions)} instructions and ${format(allocations)} allocations an item`
}

function format(count: number): string {
  return String(Number(count.toFixed(count < 10 ? 3 : 1)))
}
