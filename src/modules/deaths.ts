/** What worker threads died of, for the errors of the items that they had in hand. */

import type { WorkerDiedError } from '../errors.js'

/** How many are remembered for errors that are still under way. */
const KEPT = 100

/** A thread's exit is told by Node, and its items come back natively, mostly before. Threads go by their `threadId`. */
export class Deaths {
  readonly #causes = new Map<number, unknown>()
  readonly #unexplained = new Map<number, WorkerDiedError[]>()

  died(thread: number, cause: unknown): void {
    this.#causes.set(thread, cause)
    const [oldest] = this.#causes.keys()
    if (this.#causes.size > KEPT) this.#causes.delete(oldest as number)
    for (const error of this.#unexplained.get(thread) ?? []) setCause(error, cause)
    this.#unexplained.delete(thread)
  }

  /** Gives `error` what ended `thread` as its cause: now, or once that is known. */
  explain(error: WorkerDiedError, thread: number): void {
    if (this.#causes.has(thread)) {
      setCause(error, this.#causes.get(thread))
      return
    }
    const others = this.#unexplained.get(thread)
    if (others) others.push(error)
    else this.#unexplained.set(thread, [error])
  }
}

/** As an error's constructor does. */
function setCause(error: Error, value: unknown): void {
  Object.defineProperty(error, 'cause', { value, configurable: true, writable: true })
}
