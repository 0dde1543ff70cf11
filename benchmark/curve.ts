/** How what grows is measured: a process a point, rounds interleaved over the points. */

import type { Measuring } from './measure.js'
import type { Grown } from './process.js'
import { median, spread } from './statistics.js'
import { format } from './table.js'

/** One thing that grows, and all else held. */
export interface Curve {
  /** The curve's name in the JSON. */
  curve: string
  /** What grows, with its unit where it has one. */
  x: string
  /** What is held. */
  how: string
  points: Point[]
}

export interface Point {
  x: number
  items: number
  /** Runs once in a fresh process and verifies what arrived. */
  run: (items: number) => Promise<Grown>
}

export interface CurveResult {
  curve: string
  x: string
  how: string
  points: PointResult[]
}

/** The medians over the rounds, each with the lowest and the highest. */
export interface PointResult {
  x: number
  /** How many items a run had. */
  items: number
  /** Items/s. */
  throughput: number
  throughputSpread: [number, number]
  /** The time from an item's send to its receive that 99 of 100 are not above, in ms. */
  p99: number
  p99Spread: [number, number]
}

/** A quick run has this share of the items. */
const QUICK = 0.05

/** Every point of a curve in turn, `rounds` times. Rejects if one fails. */
export async function measureCurve(
  { curve, x, how, points }: Curve,
  { rounds, quick, onRun }: Measuring,
): Promise<CurveResult> {
  const runs = points.map((point) => ({
    ...point,
    // Whole arrays of the largest number that a call sends.
    items: quick ? Math.ceil((point.items * QUICK) / 1000) * 1000 : point.items,
    throughput: [] as number[],
    p99: [] as number[],
  }))
  for (let round = 1; round <= rounds; round++) {
    for (const point of runs) {
      const { count, seconds, p99 } = await point.run(point.items)
      point.throughput.push(count / seconds)
      point.p99.push(p99)
      onRun(
        `growth ${curve} ${round}/${rounds} ${point.x}: ${format(count / seconds)} items/s, p99 ${format(p99)} ms`,
      )
    }
  }
  return {
    curve,
    x,
    how,
    points: runs.map(({ x, items, throughput, p99 }) => ({
      x,
      items,
      throughput: median(throughput),
      throughputSpread: spread(throughput),
      p99: median(p99),
      p99Spread: spread(p99),
    })),
  }
}

/** A curve as text. */
export function curveTable({ curve, x, how, points }: CurveResult): string {
  const rows = [
    [x, 'items/s', 'lowest – highest', 'p99 in ms', 'lowest – highest'],
    ...points.map((point) => [
      new Intl.NumberFormat('en').format(point.x),
      format(point.throughput),
      point.throughputSpread.map(format).join(' – '),
      format(point.p99),
      point.p99Spread.map(format).join(' – '),
    ]),
  ]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
  return [`growth, ${curve}: ${how}`, ...lines, ''].join('\n')
}
