/** Results as text. */
import type { Judged, PeerResult, WorkloadResult } from './result.js'
import type { Asked } from './workload.js'

export function table({
  case: name,
  workload,
  unit,
  better,
  ours,
  oursSpread,
  asked,
  peers,
}: WorkloadResult): string {
  const rows = [
    ['', unit, 'lowest – highest', 'ours / theirs', 'asked', ''],
    ['millrace', format(ours), range(oursSpread), '', asking(asked, better, (limit) => format(limit))],
    ...peers.flatMap((peer) => peerRows(peer, better)),
  ]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [`${name}, ${workload} (${better} is better)`, ...lines, ''].join('\n')
}

function peerRows(peer: PeerResult, better: 'higher' | 'lower'): string[][] {
  const limit = (value: number) => `${value} x`
  if ('missing' in peer)
    return [[peer.name, 'missing', '', '', asking(peer.asked, better, limit), peer.missing]]
  const { name, how, value, spread, ratio, fast, failures } = peer
  const asked = asking(peer.asked, better, limit)
  return [
    [name, format(value), range(spread), times(ratio), fast ? '' : asked, how],
    ...(failures
      ? [[`  failed in ${runs(failures.length)}`, '', '', '', '', failures[0]?.split('\n', 1)[0] ?? '']]
      : []),
    ...(fast
      ? [['  its fast mode', format(fast.value), '', times(fast.ratio), asked, medianOf(fast.runs)]]
      : []),
  ]
}

function asking(
  asked: (Asked & { met?: Judged['met'] }) | undefined,
  better: 'higher' | 'lower',
  limit: (value: number) => string,
): string {
  if (!asked) return ''
  const { bar, aim, met } = asked
  const sign = better === 'higher' ? '>=' : '<='
  const limits = [
    ...(bar === undefined ? [] : [`${sign} ${limit(bar)}`]),
    ...(aim === undefined ? [] : [`aim ${limit(aim)}`]),
  ]
  const said = { aim: 'met, the aim too', bar: 'met', none: 'MISSED', unjudged: 'not judged' }
  return `${limits.join(', ')}: ${said[met ?? 'unjudged']}`
}

export function format(value: number): string {
  return new Intl.NumberFormat('en', {
    notation: 'compact',
    maximumSignificantDigits: digits(value),
  }).format(value)
}

/** Near 1 bars lie close together, and three digits would show a figure as equal to a bar that it misses. */
const digits = (value: number): number => (Math.abs(value) < 2 ? 4 : 3)
const range = ([low, high]: [number, number]): string => `${format(low)} – ${format(high)}`
const times = (ratio: number): string => `${ratio.toPrecision(digits(ratio))} x`
const runs = (count: number): string => (count === 1 ? '1 run' : `${count} runs`)
const medianOf = (count: number): string => (count === 1 ? '1 run' : `the median of ${count} runs`)
