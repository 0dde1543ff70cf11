/** How much a draining system has left to do. */

import type { SystemStats } from '../stats.js'
import { formatCount, formatElapsed } from './format.js'

/** How many items are not settled yet. */
export function remainingItems(stats: SystemStats): number {
  return stats.queued + stats.inFlight + stats.retrying
}

/** How long they will take at the present rate, in ms; undefined before anything was processed. */
export function remainingTime(stats: SystemStats): number | undefined {
  const rate = stats.throughput.current || stats.throughput.mean
  return rate > 0 ? (remainingItems(stats) / rate) * 1_000 : undefined
}

/** `993 left, about 2.5 s` */
export function remainingText(stats: SystemStats): string {
  const time = remainingTime(stats)
  return `${formatCount(remainingItems(stats))} left${time === undefined ? '' : `, about ${formatElapsed(time)}`}`
}
