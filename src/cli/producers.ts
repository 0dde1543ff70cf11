import type { SystemStats, ThreadStats } from '../stats.js'

/** The rows of producers, without the one for items that are sent from outside: in a run there are none. */
export function producersOf(stats: SystemStats): ThreadStats[] {
  return stats.producers.filter(({ name }) => name !== 'send')
}
