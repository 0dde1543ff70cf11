/** Keeps handlers from waiting for each other. */

import { WouldDeadlockError } from './errors.js'
import type { WaitCount } from './sender.js'

/**
 * Which handlers under way wait for room in their own system's channel, by their contexts. The last consumer that is
 * not waiting must not begin to: only consumers make room.
 */
export class DeadlockGuard {
  readonly #consumers: number
  /** How many sends each of them waits for. */
  readonly #waiting = new Map<object, number>()

  constructor(consumers: number) {
    this.#consumers = consumers
  }

  /** Whether any handler waits. */
  get any(): boolean {
    return this.#waiting.size > 0
  }

  /** Whether a send of `context` may wait. */
  mayWait(context: object): boolean {
    return this.#waiting.has(context) || this.#waiting.size + 1 < this.#consumers
  }

  /** What a send of `context` that waits tells. */
  countOf(context: object): WaitCount {
    return {
      enter: () => this.#waiting.set(context, (this.#waiting.get(context) ?? 0) + 1),
      leave: () => {
        const count = this.#waiting.get(context)
        if (count === undefined) return
        if (count === 1) this.#waiting.delete(context)
        else this.#waiting.set(context, count - 1)
      },
    }
  }

  /** The handler is through, whatever its sends do. */
  forget(context: object): void {
    this.#waiting.delete(context)
  }

  refusal(): WouldDeadlockError {
    return new WouldDeadlockError(
      `ctx.send(): expected a consumer that can make room, but the channel is full and all ${this.#consumers} wait to send`,
    )
  }
}
