import type { Writable } from 'node:stream'
import type { SystemStats } from '../stats.js'
import { formatCount, formatElapsed, formatRate } from './format.js'
import type { Progress } from './progress.js'
import { remainingText } from './remaining.js'

/** One line a second, for logs and pipes. */
export class PlainProgress implements Progress {
  readonly interval = 1_000
  readonly #stream: Writable

  constructor(stream: Writable) {
    this.#stream = stream
  }

  update(stats: SystemStats): void {
    this.note(progressLine(stats))
  }

  note(line: string): void {
    this.#stream.write(`${line}\n`)
  }

  around(write: () => void): void {
    write()
  }

  close(): void {}
}

/** `3.0 s  running  1,000 of 1,000 queued  5,432 produced  1,195 processed  401.2 items/s` */
export function progressLine(stats: SystemStats): string {
  const failed = stats.deadLettered > 0 ? [`${formatCount(stats.deadLettered)} dead-lettered`] : []
  return [
    formatElapsed(stats.elapsed),
    stats.state === 'draining' ? `draining, ${remainingText(stats)}` : stats.state,
    `${formatCount(stats.queued)} of ${formatCount(stats.capacity)} queued`,
    `${formatCount(stats.produced)} produced`,
    `${formatCount(stats.processed)} processed`,
    ...failed,
    `${formatRate(stats.throughput.current)} items/s`,
  ].join('  ')
}
