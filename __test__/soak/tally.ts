/** What a soak has tried and what went wrong, counted. */

/** What was tried: items sent and accounted for, and what was done to them and to the threads and processes that held them. */
export const TRIED = ['items', 'closes', 'aborts', 'terminations', 'exits', 'inputs'] as const
/**
 * What went wrong. Lost: an item that was admitted and is in neither of the places where it may be. Duplicated: one that was handed
 * over twice, beyond those whose worker died holding them. A crash: the death of a process by a signal or with another exit code
 * than the right one, or an answer that is not equal to what was asked. A hang: an end that did not come in time. A leak: memory that
 * grew by more than that of a control without the library may.
 */
export const WRONG = ['lost', 'duplicated', 'crashes', 'hangs', 'leaks'] as const

export type Tried = (typeof TRIED)[number]
export type Wrong = (typeof WRONG)[number]

/** A tally as a program tells it. */
export interface Told {
  counts: Record<Tried | Wrong, number>
  problems: string[]
}

export class Tally {
  readonly counts = Object.fromEntries([...TRIED, ...WRONG].map((column) => [column, 0])) as Record<
    Tried | Wrong,
    number
  >
  /** A sentence for each thing that went wrong. */
  readonly problems: string[] = []

  tried(what: Tried, count = 1): void {
    this.counts[what] += count
  }

  /** @param problem - what was expected and what came */
  wrong(what: Wrong, problem: string, count = 1): void {
    this.counts[what] += count
    this.problems.push(`${what}: ${problem}`)
  }

  /** What a program has tried and found. */
  add({ counts, problems }: Told): void {
    for (const column of [...TRIED, ...WRONG]) this.counts[column] += counts[column]
    this.problems.push(...problems)
  }

  get failed(): boolean {
    return WRONG.some((column) => this.counts[column] > 0)
  }
}

/** The counts as text, a row for each named tally and one for their sums. */
export function table(tallies: ReadonlyMap<string, Tally>): string {
  const columns = [...TRIED, ...WRONG]
  const sums = columns.map((column) =>
    [...tallies.values()].reduce((sum, { counts }) => sum + counts[column], 0),
  )
  const rows = [
    ['', ...columns],
    ...[...tallies].map(([name, { counts }]) => [name, ...columns.map((column) => format(counts[column]))]),
    ['total', ...sums.map(format)],
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n')
}

function format(count: number): string {
  return count.toLocaleString('en-US')
}
