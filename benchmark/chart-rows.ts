/** What the chart shows: a row for each peer that something was asked of, and one for each other peer of a case. */
import type { PeerResult, WorkloadResult } from './result.js'

/** Figures are times better: ours / theirs, and theirs / ours where smaller is better. */
export interface Row {
  case: string
  label: string
  points: Point[]
  bar?: number
  aim?: number
  /** What stands beside it: the figure, or why there is none. */
  text: string
}

export interface Point {
  better: number
  /** Whether a bar was met, where there is one. */
  verdict: 'met' | 'missed' | 'unasked'
}

/** The rows of one case. Those of which something was asked come first, in the order of the results. */
export function caseRows(results: readonly WorkloadResult[]): Row[] {
  const asked = results.flatMap((result) => [
    ...ownRow(result),
    ...result.peers.filter((peer) => peer.asked).map((peer) => askedRow(result, peer)),
  ])
  const others = new Map<string, Row>()
  for (const result of results) {
    for (const peer of result.peers) {
      if (peer.asked) continue
      const label = results.length === 1 ? labelOf(result, peer) : peer.name
      const row = others.get(peer.name) ?? { case: result.case, label, points: [], text: '' }
      others.set(peer.name, row)
      const better = timesBetter(result, peer)
      if (better !== undefined) row.points.push({ better, verdict: 'unasked' })
    }
  }
  for (const [name, row] of others) {
    const missing = results
      .flatMap(({ peers }) => peers)
      .some((peer) => peer.name === name && 'missing' in peer)
    const figures = row.points.map(({ better }) => better)
    const range = [...new Set([times(Math.min(...figures)), times(Math.max(...figures))])]
    row.text = figures.length > 0 ? `${range.join(' – ')} ×` : missing ? 'missing' : 'failed'
  }
  return [...asked, ...others.values()]
}

/** What was asked of ours alone: the bar is 1. */
function ownRow({ case: name, workload, unit, better, ours, asked }: WorkloadResult): Row[] {
  if (asked?.bar === undefined) return []
  const { bar, aim, met } = asked
  const over = (value: number, limit: number) => (better === 'lower' ? limit / value : value / limit)
  return [
    {
      case: name,
      label: `${workload} · asked: ${better === 'lower' ? '≤' : '≥'} ${bar} ${unit}`,
      points: [{ better: over(ours, bar), verdict: met === 'none' ? 'missed' : 'met' }],
      text: unit.startsWith('of ') ? ours.toPrecision(4) : `${ours.toPrecision(3)} ${unit}`,
      bar: 1,
      ...(aim !== undefined && { aim: over(aim, bar) }),
    },
  ]
}

function askedRow(result: WorkloadResult, peer: PeerResult): Row {
  const turn = (ratio: number) => (result.better === 'lower' ? 1 / ratio : ratio)
  const { bar, aim } = peer.asked ?? {}
  const row: Row = {
    case: result.case,
    label: labelOf(result, peer),
    points: [],
    text: '',
    ...(bar !== undefined && { bar: turn(bar) }),
    ...(aim !== undefined && { aim: turn(aim) }),
  }
  if ('missing' in peer) return { ...row, text: 'missing' }
  const better = timesBetter(result, peer)
  if (better === undefined) return { ...row, text: 'failed' }
  const verdict = peer.asked?.met === 'none' ? 'missed' : 'met'
  return { ...row, points: [{ better, verdict }], text: `${times(better)} ×` }
}

/** By the fast mode of a peer that has two. A figure that JSON has no number for is null. */
function timesBetter({ better }: WorkloadResult, peer: PeerResult): number | undefined {
  if ('missing' in peer) return undefined
  const ratio = peer.fast?.ratio ?? peer.ratio
  if (!(ratio > 0)) return undefined
  return better === 'lower' ? 1 / ratio : ratio
}

function labelOf({ workload }: WorkloadResult, { name }: PeerResult): string {
  return `${workload} · ${name}`
}

function times(better: number): string {
  return better >= 100 ? String(Math.round(better)) : better.toPrecision(better < 2 ? 3 : 2)
}
