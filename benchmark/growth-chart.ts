/** `npm run chart`: draws docs/growth.svg, a small plot a curve, from the newest results of the case `growth`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { CurveResult, PointResult } from './curve.js'
import type { Results } from './results.js'

const CELL = { width: 280, height: 170 }
const ROWS = [
  { label: 'items/s', value: 'throughput', spread: 'throughputSpread', colour: '#1a6fb5', tickFormat: '~s' },
  { label: 'p99 in ms', value: 'p99', spread: 'p99Spread', colour: '#c4500b', tickFormat: String },
] as const
const TEXT = '#1f2328'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'benchmark/results')
const file = join(root, 'docs/growth.svg')
writeFileSync(file, `${draw(newest())}\n`)
console.log(file)

function newest(): CurveResult[] {
  const name = readdirSync(folder)
    .filter((file) => /^\d{4}-\d\d-\d\d-growth\.json$/.test(file))
    .sort()
    .at(-1)
  if (name === undefined) throw new Error(`expected results of growth in ${folder}, got none`)
  return (JSON.parse(readFileSync(join(folder, name), 'utf8')) as Results).curves ?? []
}

/** A column a curve: its name, its throughput, its latency. */
function draw(curves: readonly CurveResult[]): string {
  const perLine = 3
  const lines = Math.ceil(curves.length / perLine)
  const cells = curves.flatMap((curve, index) => {
    const x = (index % perLine) * CELL.width
    const y = Math.floor(index / perLine) * (CELL.height * ROWS.length)
    return ROWS.map((row, line) => place(plot(curve, row, line === 0), x, y + line * CELL.height))
  })
  const size = `width="${perLine * CELL.width}" height="${lines * ROWS.length * CELL.height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><title>Throughput and latency by what grows</title><rect width="100%" height="100%" fill="white"/>${cells.join('')}</svg>`
}

function plot({ curve, x, points }: CurveResult, row: (typeof ROWS)[number], titled: boolean): string {
  const { document } = parseHTML('<html></html>')
  // A logarithm has no place for 0: what has no size stands where 1 is.
  const at = (point: PointResult) => Math.max(point.x, 1)
  const values = points.map((point) => point[row.value])
  // From 0 where that leaves the smallest to be seen.
  const scale =
    Math.max(...values) > 20 * Math.min(...values) ? { type: 'log' as const } : { zero: true, nice: true }
  return Plot.plot({
    document: document as never,
    ...CELL,
    marginTop: 44,
    marginLeft: 48,
    style: { fontFamily: 'system-ui, sans-serif', fontSize: '10px', color: TEXT, background: 'white' },
    x: { type: 'log', label: x, ticks: points.map(at), tickFormat: '.2~s' },
    y: { ...scale, label: row.label, ticks: 4, tickFormat: row.tickFormat, grid: true },
    marks: [
      Plot.ruleX(points, {
        x: at,
        y1: (point: PointResult) => point[row.spread][0],
        y2: (point: PointResult) => point[row.spread][1],
        stroke: row.colour,
        strokeOpacity: 0.4,
      }),
      Plot.line(points, { x: at, y: row.value, stroke: row.colour }),
      Plot.dot(points, { x: at, y: row.value, fill: row.colour, r: 2.5 }),
      ...(titled
        ? [
            Plot.text([curve], {
              frameAnchor: 'top-left',
              dy: -30,
              dx: -40,
              fontWeight: 'bold',
              fontSize: 12,
            }),
          ]
        : []),
    ],
  }).outerHTML
}

function place(svg: string, x: number, y: number): string {
  return svg.replace('<svg ', `<svg x="${x}" y="${y}" `)
}
