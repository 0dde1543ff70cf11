/** One loop over a channel's items. */

import { refusedInTurn } from '../turn.js'
import { detachedError } from './detached.js'
import type { Inbox } from './inbox.js'

const END: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

export class Iteration<T> implements AsyncIterableIterator<T, undefined> {
  readonly #inbox: Inbox
  /** Is not collected while the loop may go on. */
  readonly #owner: object
  readonly #isDetached: () => boolean
  #over = false

  constructor(inbox: Inbox, owner: object, isDetached: () => boolean) {
    this.#inbox = inbox
    this.#owner = owner
    this.#isDetached = isDetached
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#over) return Promise.resolve(END)
    if (this.#isDetached()) return refusedInTurn(detachedError('for await'))
    return this.#inbox.next(this.#owner, this) as Promise<IteratorResult<T, undefined>>
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave()
    return Promise.resolve(END)
  }

  throw(error?: unknown): Promise<IteratorReturnResult<undefined>> {
    this.#leave()
    return refusedInTurn(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #leave(): void {
    if (this.#over) return
    this.#over = true
    this.#inbox.leave(this)
  }
}
