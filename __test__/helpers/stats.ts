import type { SystemStats, ThreadStats } from '../../src/stats.js'

/** Statistics of a system of two producers and one consumer at work, with what a test cares about on top. */
export function statsLike(changes: Partial<SystemStats> = {}): SystemStats {
  const none = { count: 0, p50: 0, p90: 0, p99: 0, max: 0 }
  return {
    state: 'running',
    elapsed: 3_210,
    capacity: 1_000,
    queued: 500,
    peakQueued: 750,
    waitingSends: 0,
    produced: 1_703,
    processed: 1_200,
    failedAttempts: 0,
    retrying: 0,
    deadLettered: 0,
    discarded: 0,
    inFlight: 3,
    throughput: { current: 401.23, mean: 373.8 },
    waiting: { producers: 0, consumers: 0 },
    latency: { queued: none, handling: none },
    producers: [
      threadLike({ name: 'millrace-p0', items: 851 }),
      threadLike({ name: 'millrace-p1', items: 852 }),
    ],
    consumers: [threadLike({ name: 'millrace-c0', items: 1_200 })],
    ...changes,
  }
}

/** One row of them. */
export function threadLike(changes: Partial<ThreadStats> = {}): ThreadStats {
  return { name: 'millrace-p0', state: 'busy', items: 0, failed: 0, busy: 3_100, waiting: 50, ...changes }
}
