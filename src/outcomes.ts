/** What native consumers made of items, on its way to JavaScript. */

import type { NativeFailure, NativeLarge } from './binding.js'
import { Chunk } from './chunk.js'
import { decodeItems } from './codec/decode.js'
import { WorkerDiedError } from './errors.js'
import type { FailedAttempt } from './events.js'
import { toThrown } from './failure.js'
import { Deaths } from './modules/deaths.js'
import { binding } from './native.js'
import type { DeadLetter, DeadLetterReason } from './report.js'
import type { Runs } from './runs.js'

/** Reads results, replies and dead letters of one system with a native handler. */
export class NativeOutcomes<T, R> {
  readonly #handle: number
  readonly #chunk = new Chunk()
  readonly #deaths = new Deaths()

  constructor(handle: number) {
    this.#handle = handle
  }

  /**
   * The results that are there; none does not mean that none will come.
   *
   * @param wait - whether to be told when there may be some, where there are none
   */
  takeResults(wait: boolean): R[] {
    const count = binding.takeResults(this.#handle, this.#chunk.memory, wait)
    return count > 0 ? this.#decode(count, () => binding.takeLargeResults(this.#handle)) : []
  }

  /** Settles the runs whose outcome is there. */
  settleRuns(runs: Runs<R>): void {
    for (;;) {
      const count = binding.takeReplies(this.#handle, this.#chunk.memory)
      if (count === 0) break
      const results = this.#decode(count, () => binding.takeLargeReplies(this.#handle))
      for (const [index, result] of results.entries()) runs.resolve(this.#chunk.tags[index] as number, result)
    }
    for (const { tag, failure } of binding.takeReplyFailures(this.#handle))
      runs.reject(tag, this.#thrown(failure))
  }

  /** The items that were given up. */
  *takeDeadLetters(): Generator<DeadLetter<T>> {
    for (const { items, failure, attempts, deaths, firstAt, lastAt } of binding.takeDeadLetters(
      this.#handle,
    )) {
      const error = this.#thrown(failure)
      // What a handler threw may have any code.
      const reason = (failure.error === undefined && REASONS[failure.code]) || 'failed'
      for (const item of items.flatMap(decodeItems<T>))
        yield { item, error, attempts, deaths, firstAt, lastAt, reason }
    }
  }

  /** The attempts that failed. */
  *takeAttempts(): Generator<FailedAttempt<T>> {
    for (const { items, failure, attempt, delay } of binding.takeAttempts(this.#handle)) {
      const error = this.#thrown(failure)
      for (const item of items.flatMap(decodeItems<T>)) yield { item, error, attempt, delay }
    }
  }

  /** A worker's thread has exited; the errors of the items that it had in hand get the cause. */
  workerDied(thread: number, cause: unknown): void {
    this.#deaths.died(thread, cause)
  }

  #thrown(failure: NativeFailure): unknown {
    const thrown = toThrown(failure)
    if (failure.thread !== undefined && thrown instanceof WorkerDiedError)
      this.#deaths.explain(thrown, failure.thread)
    return thrown
  }

  #decode(count: number, large: () => NativeLarge): R[] {
    const items = this.#chunk.decode(count, large)
    return Array.from({ length: count }, (_, index) => items[index] as R)
  }
}

const REASONS: Record<string, DeadLetterReason> = {
  ERR_MILLRACE_ABORTED: 'aborted',
  ERR_MILLRACE_TIMEOUT: 'timeout',
  ERR_MILLRACE_WORKER_DIED: 'died',
}
