/** What `system.stats()` tells. */

/** Where a system is in its life. */
export type SystemState = 'ready' | 'running' | 'paused' | 'draining' | 'stopped' | 'aborted'

/**
 * A snapshot of a system, for people to look at. The counters are exact at rest:
 * `produced = processed + deadLettered + discarded + retrying + inFlight + queued`. While items move, a live read
 * may be off by what is moving.
 */
export interface SystemStats {
  state: SystemState
  /** ms since `start()`, until the end; 0 before it. */
  elapsed: number
  /** The most items that the channel holds. */
  capacity: number
  /** Items in the channel, not yet handed to a handler. */
  queued: number
  /** The most items that were in the channel at one time; never more than `capacity`. */
  peakQueued: number
  /** Sends that wait for room. */
  waitingSends: number
  /** Items that were admitted. */
  produced: number
  /** Items that a handler handled. */
  processed: number
  /** Attempts that failed, those that were retried included. */
  failedAttempts: number
  /** Items that wait for their next attempt. */
  retrying: number
  /** Items that were given up. */
  deadLettered: number
  /** Items that were admitted and dropped unhandled: by an abort, by `overflow`, or because the system never started. */
  discarded: number
  /** Items that are being handled. */
  inFlight: number
  /** Processed items a second: over the last second, and since the start. */
  throughput: { current: number; mean: number }
  /**
   * ms that threads waited, summed over them: producers on a full channel, consumers on an empty one. Of native consumers
   * alone: JavaScript that has no item does not wait in a thread of the system's.
   */
  waiting: { producers: number; consumers: number }
  /**
   * ms, sampled: how long items waited from the call of their send, for room too, and how long handlers took, and to put their
   * results into a channel. The items of a batch share its time.
   */
  latency: { queued: Percentiles; handling: Percentiles }
  /** One row a producer thread, and a last one, `send`, once anything was sent from outside or by a JavaScript source. */
  producers: ThreadStats[]
  /** One row a consumer thread; a callback handler has one row, that of its JavaScript environment. */
  consumers: ThreadStats[]
}

/** The distribution of sampled times, in ms; all 0 where `count` is. */
export interface Percentiles {
  /** How many samples there are. */
  count: number
  p50: number
  p90: number
  p99: number
  max: number
}

/** What one producer or consumer did. */
export interface ThreadStats {
  /** The thread's name, as debuggers and `top` show it. */
  name: string
  state: ThreadState
  /** Items it sent, or handled. */
  items: number
  /** Of them, how many failed. */
  failed: number
  /** ms it spent in its handler, sampled where an item takes less than a microsecond; 0 for a producer. */
  busy: number
  /** ms it waited: a producer on a full channel, a consumer on an empty one. */
  waiting: number
}

/** What a thread is doing. */
export type ThreadState = 'starting' | 'busy' | 'waiting' | 'ended' | 'detached'
