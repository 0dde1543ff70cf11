/** Results as text. */
import { format, type WorkloadResult } from './measure.js'

export function table({ case: name, workload, unit, ours, oursSpread, peers }: WorkloadResult): string {
  const range = ([low, high]: [number, number]) => `${format(low)} – ${format(high)}`
  const rows = [
    ['', unit, 'lowest – highest', 'ours / theirs', ''],
    ['millrace', format(ours), range(oursSpread), '', ''],
    ...peers.map((peer) => [
      peer.name,
      format(peer.value),
      range(peer.spread),
      `${peer.ratio.toPrecision(3)} x`,
      peer.how,
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
