/** Keeps handlers from waiting for each other. */

import { WouldDeadlockError } from './errors.js'
import type { WaitCount } from './sender.js'

/**
 * Which handlers under way wait for room in their own system's channel, by their consumers. The last one that can be at work
 * and is not waiting must not begin to: only consumers make room.
 */
export class DeadlockGuard {
  readonly #atOnce: () => number
  /** How many sends each of them waits for. */
  readonly #waiting = new Map<object, { sends: number }>()

  /** @param atOnce - how many handlers can be at work at once */
  constructor(atOnce: () => number) {
    this.#atOnce = atOnce
  }

  /** Whether any handler waits. */
  get any(): boolean {
    return this.#waiting.size > 0
  }

  /** Whether a send of `consumer` may wait. */
  mayWait(consumer: object): boolean {
    return this.#waiting.has(consumer) || this.#waiting.size + 1 < this.#atOnce()
  }

  /** What a send of `consumer` that waits tells. */
  countOf(consumer: object): WaitCount {
    let count: { sends: number } | undefined
    return {
      enter: () => {
        count = this.#waiting.get(consumer) ?? { sends: 0 }
        count.sends++
        this.#waiting.set(consumer, count)
      },
      leave: () => {
        // The consumer may be at its next item already.
        if (count && --count.sends === 0 && this.#waiting.get(consumer) === count)
          this.#waiting.delete(consumer)
      },
    }
  }

  /** The handler that `consumer` ran is through, whatever its sends do. */
  forget(consumer: object): void {
    this.#waiting.delete(consumer)
  }

  refusal(): WouldDeadlockError {
    return new WouldDeadlockError(
      `ctx.send(): expected a consumer that can make room, but the channel is full and all ${this.#atOnce()} that can be at work wait to send`,
    )
  }
}
