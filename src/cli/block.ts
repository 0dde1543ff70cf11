/** The live block that a terminal shows while a system runs, as text. */

import type { SystemStats, ThreadState, ThreadStats } from '../stats.js'
import { formatCount, formatElapsed, formatRate } from './format.js'
import { gauge } from './gauge.js'
import { remainingText } from './remaining.js'

/** How a piece of text is painted; a terminal without colours leaves it as it is. */
export type Paint = (style: 'bold' | 'cyan' | 'dim' | 'yellow', text: string) => string

export interface BlockOptions {
  /** Cells a line may take. */
  columns: number
  /** ms after which production ends, if a duration was given. */
  duration: number | undefined
  paint: Paint
}

const LABEL = 11
const GAUGE = 30
const STATES: readonly ThreadState[] = ['busy', 'waiting', 'starting', 'ended', 'detached']

/** Renders `stats` as five lines: queue, rate, producers, consumers, time. */
export function renderBlock(stats: SystemStats, { columns, duration, paint }: BlockOptions): string {
  const width = Math.max(columns - LABEL, 1)
  const label = (name: string) => paint('bold', name.padEnd(LABEL))
  return [
    label('queue') + queueLine(stats, width, paint),
    label('rate') + clip(rateLine(stats), width),
    label('producers') + threadsLine(stats.producers, 'produced', stats.produced, width, paint),
    label('consumers') + threadsLine(stats.consumers, 'processed', stats.processed, width, paint),
    label(stats.state === 'draining' ? 'draining' : 'time') +
      paint('yellow', clip(timeLine(stats, duration), width)),
  ].join('\n')
}

function queueLine({ queued, capacity, peakQueued }: SystemStats, width: number, paint: Paint): string {
  const numbers = `${formatCount(queued).padStart(formatCount(capacity).length)} of ${formatCount(capacity)}, peak ${formatCount(peakQueued)}`
  const bar = Math.min(GAUGE, width - numbers.length - 2)
  if (bar < 5) return clip(numbers, width)
  return `${paint('cyan', gauge(queued, capacity, bar))}  ${numbers}`
}

function rateLine({ throughput, deadLettered }: SystemStats): string {
  const failed = deadLettered > 0 ? `, ${formatCount(deadLettered)} dead-lettered` : ''
  return `${formatRate(throughput.current)} items/s, mean ${formatRate(throughput.mean)}${failed}`
}

/** The sum and what the threads are doing; then each thread's own count, as far as the line goes. */
function threadsLine(
  threads: readonly ThreadStats[],
  did: string,
  total: number,
  width: number,
  paint: Paint,
): string {
  const summary = `${formatCount(total)} ${did}, ${statesOf(threads)}`
  const room = width - summary.length - 2
  if (threads.length < 2 || room < 2) return clip(summary, width)
  return `${summary}  ${paint('dim', clip(threads.map((thread) => formatCount(thread.items)).join(' '), room))}`
}

function statesOf(threads: readonly ThreadStats[]): string {
  const counts = STATES.map(
    (state) => [threads.filter((thread) => thread.state === state).length, state] as const,
  )
  return counts
    .filter(([count]) => count > 0)
    .map(([count, state]) => `${count} ${state}`)
    .join(', ')
}

function timeLine(stats: SystemStats, duration: number | undefined): string {
  if (stats.state !== 'draining') {
    return duration === undefined
      ? formatElapsed(stats.elapsed)
      : `${formatElapsed(stats.elapsed)} of ${formatElapsed(duration)}`
  }
  return `${remainingText(stats)}, ${formatElapsed(stats.elapsed)} so far`
}

function clip(text: string, width: number): string {
  if (text.length <= width) return text
  return width > 1 ? `${text.slice(0, width - 1)}…` : ''
}
