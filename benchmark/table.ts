/** Results as text. */
import { format, type WorkloadResult } from './measure.js'

export function table({ case: name, workload, unit, ours, oursSpread, peers }: WorkloadResult): string {
  const range = ([low, high]: [number, number]) => `${format(low)} – ${format(high)}`
  const times = (ratio: number) => `${ratio.toPrecision(3)} x`
  const runs = (count: number) => (count === 1 ? '1 run' : `${count} runs`)
  const medianOf = (count: number) => (count === 1 ? '1 run' : `the median of ${count} runs`)
  const rows = [
    ['', unit, 'lowest – highest', 'ours / theirs', ''],
    ['millrace', format(ours), range(oursSpread), '', ''],
    ...peers.flatMap(({ fast, failures, ...peer }) => [
      [peer.name, format(peer.value), range(peer.spread), times(peer.ratio), peer.how],
      ...(failures ? [[`  failed in ${runs(failures.length)}`]] : []),
      ...(fast ? [['  its fast mode', format(fast.value), '', times(fast.ratio), medianOf(fast.runs)]] : []),
    ]),
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [`${name}, ${workload}`, ...lines, ''].join('\n')
}
