/** `npm run chart`: draws docs/benchmark.svg from the newest results of each case in benchmark/results. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { caseRows, type Point, type Row } from './chart-rows.js'
import type { WorkloadResult } from './result.js'
import type { Results } from './results.js'

/** Which cases are drawn, in this order. Other files in the folder are not for this chart. */
const CASES = [
  'hot-path',
  'rust-items',
  'send',
  'send-await',
  'send-many',
  'round-trip',
  'callback',
  'modules',
  'cpu',
  'exercise',
  'flood',
  'cost',
]

const TITLE = 'How many times better than its peers millrace is, in what was measured'
const WIDTH = 860
const ROW = 15
const MARGIN = { top: 64, right: 96, bottom: 48, left: 318 }
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]
/** Not pure red and green, and told apart by their shapes as well. */
const COLOURS = { met: '#1a6fb5', missed: '#c4500b', unasked: '#7a7f87', text: '#1f2328', faint: '#656d76' }

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'benchmark/results')
const file = join(root, 'docs/benchmark.svg')
const rows = CASES.flatMap((name) => {
  const results = newest(name)
  return results ? caseRows(results) : []
})
if (rows.length === 0) throw new Error(`expected results in ${folder}, got none`)
writeFileSync(file, `${draw(rows)}\n`)
console.log(file)

function newest(name: string): WorkloadResult[] | undefined {
  const file = readdirSync(folder)
    .filter((file) => /^\d{4}-\d\d-\d\d-/.test(file) && file.slice('2026-01-01-'.length) === `${name}.json`)
    .sort()
    .at(-1)
  return file ? (JSON.parse(readFileSync(join(folder, file), 'utf8')) as Results).cases : undefined
}

function draw(rows: readonly Row[]): string {
  const { document } = parseHTML('<html></html>')
  const lines = placed(rows)
  const points = lines.flatMap(({ row, y }) => row?.points.map((point) => ({ ...point, y })) ?? [])
  const limits = lines.flatMap(({ row, y }) => [
    ...(row?.bar === undefined ? [] : [{ better: row.bar, y, kind: 'bar' as const }]),
    ...(row?.aim === undefined ? [] : [{ better: row.aim, y, kind: 'aim' as const }]),
  ])
  const figures = [1, ...points.map(({ better }) => better), ...limits.map(({ better }) => better)]
  const [least, most] = [Math.min(...figures) / 1.15, Math.max(...figures) * 1.15]
  const ticks = TICKS.filter((tick) => tick >= least && tick <= most)
  const height = MARGIN.top + MARGIN.bottom + lines.length * ROW
  const label = { textAnchor: 'start' as const, frameAnchor: 'left' as const, dx: 12 - MARGIN.left }
  const svg = Plot.plot({
    document: document as never,
    width: WIDTH,
    height,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    style: {
      fontFamily: 'system-ui, sans-serif',
      fontSize: '11px',
      color: COLOURS.text,
    },
    x: {
      type: 'log',
      domain: [least, most],
      axis: null,
      label: null,
    },
    y: { type: 'linear', domain: [lines.length - 0.5, -0.5], axis: null, label: null },
    marks: [
      Plot.ruleX(ticks, { stroke: COLOURS.faint, strokeOpacity: 0.2 }),
      Plot.text(ticks, {
        x: (tick) => tick,
        frameAnchor: 'bottom',
        dy: 14,
        text: (tick) => `${tick} ×`,
        fill: COLOURS.faint,
      }),
      Plot.ruleX([1], { stroke: COLOURS.text, strokeOpacity: 0.6 }),
      Plot.text(
        lines.filter(({ row }) => !row),
        { ...label, y: 'y', text: 'title', fontWeight: 'bold', fontSize: 12 },
      ),
      Plot.text(
        lines.filter(({ row }) => row),
        { ...label, y: 'y', text: ({ row }) => row?.label, dx: label.dx + 10 },
      ),
      Plot.text(
        lines.filter(({ row }) => row),
        {
          y: 'y',
          frameAnchor: 'right',
          textAnchor: 'start',
          dx: 12,
          text: ({ row }) => row?.text,
          fill: ({ row }) => (row?.points[0]?.verdict === 'missed' ? COLOURS.missed : COLOURS.text),
        },
      ),
      Plot.ruleX(limits, {
        x: 'better',
        y1: ({ y }) => y - 0.4,
        y2: ({ y }) => y + 0.4,
        stroke: COLOURS.text,
        strokeWidth: 2,
        strokeOpacity: ({ kind }) => (kind === 'bar' ? 0.9 : 0.25),
      }),
      Plot.ruleY(
        points.filter(({ verdict }) => verdict !== 'unasked'),
        {
          y: 'y',
          x1: 1,
          x2: 'better',
          stroke: ({ verdict }: Point) => COLOURS[verdict],
          strokeWidth: 3,
          strokeOpacity: 0.5,
        },
      ),
      Plot.dot(
        points.filter(({ verdict }) => verdict === 'unasked'),
        { x: 'better', y: 'y', r: 3.5, stroke: COLOURS.unasked, fill: 'white' },
      ),
      Plot.dot(
        points.filter(({ verdict }) => verdict !== 'unasked'),
        {
          x: 'better',
          y: 'y',
          r: 4.5,
          fill: ({ verdict }: Point) => COLOURS[verdict],
          symbol: ({ verdict }: Point) => (verdict === 'met' ? 'circle' : 'triangle'),
        },
      ),
      ...legend(),
    ],
  })
  // An element, because a viewer's dark page shows through where there is only a style.
  const background = document.createElementNS('http://www.w3.org/2000/svg', 'rect')
  for (const [name, value] of Object.entries({ width: '100%', height: '100%', rx: '6', fill: 'white' }))
    background.setAttribute(name, value)
  const title = document.createElementNS('http://www.w3.org/2000/svg', 'title')
  title.textContent = TITLE
  svg.prepend(title, background)
  return svg.outerHTML
}

/** What it is, and what the marks mean, above the plot. */
function legend(): Plot.Markish[] {
  const top = 14 - MARGIN.top
  const note = (text: string, dx: number, dy: number, options: Plot.TextOptions = {}) =>
    Plot.text([text], { frameAnchor: 'top-left', dx: dx - MARGIN.left, dy, fill: COLOURS.text, ...options })
  const mark = (dx: number, options: Plot.DotOptions) =>
    Plot.dot([0], { frameAnchor: 'top-left', dx: dx - MARGIN.left, dy: top + 26, ...options })
  return [
    note(TITLE, 12, top - 6, {
      fontSize: 14,
      fontWeight: 'bold',
    }),
    mark(17, { r: 4.5, fill: COLOURS.met }),
    note('met: what was asked', 27, top + 20),
    mark(167, { r: 4.5, fill: COLOURS.missed, symbol: 'triangle' }),
    note('missed', 177, top + 20),
    mark(247, { r: 3.5, stroke: COLOURS.unasked, fill: 'white' }),
    note('nothing asked; a point for each workload', 257, top + 20),
    note('┃', 507, top + 20, { fontWeight: 'bold' }),
    note('what was asked', 519, top + 20),
    note('┃', 627, top + 20, { fontWeight: 'bold', fillOpacity: 0.25 }),
    note('what is aimed at', 639, top + 20),
    Plot.text(
      ['ours / theirs where more is better, theirs / ours for times and memory; above 1, millrace is better'],
      { frameAnchor: 'bottom-left', dx: 12 - MARGIN.left, dy: MARGIN.bottom - 10, fill: COLOURS.faint },
    ),
  ]
}

/** A line for the name of each case and one for each row, from the top. */
function placed(rows: readonly Row[]): { y: number; title?: string; row?: Row }[] {
  const lines = rows.flatMap((row, index) =>
    row.case === rows[index - 1]?.case ? [{ row }] : [{ title: row.case }, { row }],
  )
  return lines.map((line, y) => ({ ...line, y }))
}
