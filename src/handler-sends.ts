/** What handlers on the system's own thread send into it. */

import type { CheckedSend, ItemSendOptions } from './channel/send-options.js'
import { DeadlockGuard, sendUnlessStuck } from './deadlock.js'
import { binding } from './native.js'
import type { Overflow } from './overflow.js'
import type { Sender } from './sender.js'
import { doneInTurn } from './turn.js'
import { throwIfAborted } from './wait.js'

/** What such sends need to know of their system. */
export interface HandlingSystem {
  readonly handle: number
  readonly overflow: Overflow
  readonly refusesKeys: boolean
  /** How many handlers can be at work at once. */
  readonly mostAtOnce: number
  /** How many are under way or about to be. */
  readonly underWay: number
  /** A handler may wait: the end of each is to be told from now on. */
  handlerWaits(): void
}

export class HandlerSends<T> {
  readonly #system: HandlingSystem
  readonly #sender: Sender<T, unknown>
  readonly #guard: DeadlockGuard

  constructor(system: HandlingSystem, sender: Sender<T, unknown>) {
    this.#system = system
    this.#sender = sender
    this.#guard = new DeadlockGuard(() => system.mostAtOnce)
  }

  /** A send of the handler that `consumer` runs; without one, of a handler that is through. */
  async send(consumer: object | undefined, item: T, options?: ItemSendOptions): Promise<void> {
    const guard = this.#guard
    const { overflow, refusesKeys } = this.#system
    const checked = this.#sender.check(options)
    if (consumer === undefined || overflow !== 'wait') return this.#sender.sendChecked(item, checked)
    const mayWait = guard.mayWait(consumer)
    const send = (limits: CheckedSend): Promise<void> => {
      this.#system.handlerWaits()
      return this.#sender.sendChecked(item, limits, guard.countOf(consumer))
    }
    if (mayWait && refusesKeys) return send(checked)
    if (!mayWait && !guard.any) {
      throwIfAborted(checked.signal)
      if (!this.#sender.trySendChecked(item, checked)) throw guard.refusal()
      return doneInTurn()
    }
    // Others wait, as far as is known by now; or keys decide who can make room.
    return sendUnlessStuck(
      send,
      checked,
      () => guard.allWait() || this.#isParked(),
      () => guard.refusal(),
    )
  }

  /** The handler that `consumer` ran is through; whether any other waits. */
  ended(consumer: object): boolean {
    this.#guard.forget(consumer)
    return this.#guard.any
  }

  /** Whether every handler under way waits, and what is queued has the keys of their items. */
  #isParked(): boolean {
    const { refusesKeys, underWay, handle } = this.#system
    return !refusesKeys && this.#guard.allWait(underWay) && binding.isParked(handle)
  }
}
