/** Keeps handlers from waiting for each other. */

import { WouldDeadlockError } from './errors.js'
import type { HandlerContext } from './handler-context.js'
import type { WaitCount } from './sender.js'

/**
 * Which handlers under way wait for room in their own system's channel. The last consumer that is not waiting must
 * not begin to: only consumers make room.
 */
export class DeadlockGuard<T> {
  readonly #consumers: number
  readonly #waiting = new Set<HandlerContext<T>>()

  constructor(consumers: number) {
    this.#consumers = consumers
  }

  /** Whether a send of `context` may wait. */
  mayWait(context: HandlerContext<T>): boolean {
    return this.#waiting.has(context) || this.#waiting.size + 1 < this.#consumers
  }

  /** What a send of `context` that may wait tells. */
  countOf(context: HandlerContext<T>): WaitCount {
    return {
      enter: () => {
        context.waits++
        this.#waiting.add(context)
      },
      leave: () => {
        if (--context.waits === 0) this.#waiting.delete(context)
      },
    }
  }

  /** The handler is through, whatever its sends do. */
  leaveBehind(context: HandlerContext<T>): void {
    this.#waiting.delete(context)
  }

  refusal(): WouldDeadlockError {
    return new WouldDeadlockError(
      `ctx.send(): expected a consumer that can make room, but the channel is full and all ${this.#consumers} wait to send`,
    )
  }
}
