/** What a run says at its end. */

import type { Percentiles, SystemStats, ThreadStats } from '../stats.js'
import { alignColumns, formatCount, formatElapsed, formatLatency, formatRate } from './format.js'

/** The report as text: what each producer and consumer did, then the totals. */
export function renderReport(stats: SystemStats): string {
  return `${[
    ...producerTable(stats.producers),
    '',
    ...consumerTable(stats.consumers),
    '',
    ...totals(stats),
  ].join('\n')}\n`
}

function producerTable(threads: readonly ThreadStats[]): string[] {
  const rows = threads.map(({ name, items, failed, waiting }) => [
    name,
    ...[items, failed].map(formatCount),
    formatElapsed(waiting),
  ])
  return alignColumns([['producer', 'produced', 'failed', 'waited on a full channel'], ...rows])
}

function consumerTable(threads: readonly ThreadStats[]): string[] {
  const rows = threads.map(({ name, items, failed, busy, waiting }) => [
    name,
    ...[items, failed].map(formatCount),
    ...[busy, waiting].map(formatElapsed),
  ])
  return alignColumns([['consumer', 'processed', 'failed', 'busy', 'waited on an empty channel'], ...rows])
}

function totals(stats: SystemStats): string[] {
  const rows = [
    ['items', conservation(stats)],
    ['time', `${formatElapsed(stats.elapsed)}, ${stats.state}`],
    ['throughput', `${formatRate(stats.throughput.mean)} items/s`],
    ['queue', `at most ${formatCount(stats.peakQueued)} of ${formatCount(stats.capacity)}`],
    ['in queue', percentiles(stats.latency.queued)],
    ['handling', percentiles(stats.latency.handling)],
  ]
  return rows.map(([label = '', text = '']) => `${label.padEnd(11)} ${text}`)
}

/** `1,200 produced = 1,195 processed + 5 dead-lettered`: at the end of a run the two sides are equal. */
export function conservation(stats: SystemStats): string {
  const parts: [count: number, name: string][] = [
    [stats.processed, 'processed'],
    [stats.deadLettered, 'dead-lettered'],
    [stats.discarded, 'discarded'],
    [stats.retrying, 'retrying'],
    [stats.inFlight, 'in flight'],
    [stats.queued, 'queued'],
  ]
  const sum = parts.reduce((total, [count]) => total + count, 0)
  const shown = parts.filter(([count, name]) => count > 0 || name === 'processed' || name === 'dead-lettered')
  const right = shown.map(([count, name]) => `${formatCount(count)} ${name}`).join(' + ')
  return `${formatCount(stats.produced)} produced ${stats.produced === sum ? '=' : '≠'} ${right}`
}

function percentiles({ count, p50, p90, p99, max }: Percentiles): string {
  if (count === 0) return 'not sampled'
  const [half, most, nearlyAll, all] = [p50, p90, p99, max].map(formatLatency)
  return `p50 ${half}, p90 ${most}, p99 ${nearlyAll}, max ${all}`
}
