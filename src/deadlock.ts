/** Keeps handlers from waiting for each other. */

import type { CheckedSend } from './channel/send-options.js'
import { WouldDeadlockError } from './errors.js'
import type { WaitCount } from './sender.js'
import { whenAborted } from './signals.js'
import { clearImmediately, immediately } from './turn.js'

/** ms between two looks whether there is anyone left to make room: with keys that comes about while one waits. */
const LOOK_MS = 50

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

  /** Whether all that can be at work at once wait, or so many that are. */
  allWait(underWay = Number.POSITIVE_INFINITY): boolean {
    return this.#waiting.size >= Math.min(underWay, this.#atOnce())
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
    return stuckRefusal(this.#atOnce())
  }
}

/**
 * Waits by `send` for room as long as there is anyone who can make some; else rejects with what `refusal` gives. It looks
 * in a turn to come, by when what was admitted in this one is told, and every now and then.
 */
export async function sendUnlessStuck(
  send: (limits: CheckedSend) => Promise<void>,
  limits: CheckedSend,
  isStuck: () => boolean,
  refusal: () => WouldDeadlockError,
): Promise<void> {
  const controller = new AbortController()
  const { signal } = limits
  const end = (): void => controller.abort(signal?.reason)
  // Code of the item's may have aborted it by now: then no event comes.
  if (signal?.aborted) end()
  let over = false
  const look = (): void => {
    // A test's fake timers may not take back what real ones do.
    if (!over && isStuck()) controller.abort(refusal())
  }
  // The first may come before the doorbell is heard that rings by now.
  let soon = immediately(() => {
    soon = immediately(look)
  })
  const timer = setInterval(look, LOOK_MS)
  let unlisten: (() => void) | undefined
  try {
    unlisten = signal && whenAborted(signal, end)
    await send({ ...limits, signal: controller.signal })
  } finally {
    over = true
    clearImmediately(soon)
    clearInterval(timer)
    unlisten?.()
  }
}

/** The error of a send for which nobody would make room. */
export function stuckRefusal(atOnce: number): WouldDeadlockError {
  return new WouldDeadlockError(
    `ctx.send(): expected a consumer that can make room, but the channel is full, and all ${atOnce} that can be at work wait to send, or all that are, with the keys of all that is queued`,
  )
}
