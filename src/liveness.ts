/** Whether a system has something to do, and so keeps the event loop alive. */

import { hold, release } from './environment.js'
import { binding } from './native.js'

/**
 * Knows when everything that was sent is settled. Until then, while a source runs, and on the way to the system's
 * end, the event loop is kept alive; idle consumers do not do that, and neither does a system before its start.
 *
 * The native side is asked for one notice at a time. Who comes while one is under way that does not cover everything
 * sent by then waits for the next.
 */
export class Liveness {
  readonly #handle: number
  readonly #unsettled: () => boolean
  readonly #unseen: boolean
  /** Who waits for the notice under way, and who for the one after. */
  #covered = new Set<() => void>()
  #behind = new Set<() => void>()
  /** Whether something was, or may have been, sent that the notice under way does not cover. */
  #sentSince = false
  /** Whether a source sends without us. */
  #source = false
  #watching = false
  #started = false
  #busy = false
  #held = false
  #over = false
  #ended = false

  /**
   * @param unsettled - whether anything is left that was sent without us
   * @param unseen - whether handlers send without us, in threads of their own
   */
  constructor(handle: number, unsettled: () => boolean, unseen: boolean) {
    this.#handle = handle
    this.#unsettled = unsettled
    this.#unseen = unseen
  }

  /** Whether anything was sent that is not known to be settled. */
  get unsettled(): boolean {
    return this.#watching || this.#sentSince || this.#source
  }

  /** The system was started; one with a source is busy until its end. */
  start(source: boolean): void {
    this.#started = true
    this.#source = source
    this.#busy ||= source
    if (this.#sentSince && !this.#watching) this.#watch()
    this.#update()
  }

  /** The system is on its way to its end. */
  beBusy(): void {
    this.#busy = true
    this.#update()
  }

  /** Something was admitted, or waits for that. */
  sent(): void {
    this.#sentSince = true
    if (this.#started && !this.#watching && !this.#over) this.#watch()
  }

  /** Calls `settled` once everything sent so far is settled; returns a function that takes it back. */
  whenIdle(settled: () => void): () => void {
    if (this.#over) {
      settled()
      return () => {}
    }
    const covered = this.#watching && !this.#sentSince && !this.#source && !this.#unseen
    if (covered) this.#covered.add(settled)
    else this.#behind.add(settled)
    if (this.#watching) this.#update()
    else this.#watch()
    return () => {
      this.#covered.delete(settled)
      this.#behind.delete(settled)
      this.#update()
    }
  }

  /** The notice came. */
  idle(): void {
    this.#watching = false
    const settled = [...this.#covered]
    this.#covered.clear()
    this.#sentSince ||= this.#unsettled()
    if (this.#behind.size > 0 || (this.#sentSince && this.#started)) this.#watch()
    this.#update()
    for (const call of settled) call()
  }

  /** Nothing is left of it. */
  end(): void {
    this.#ended = true
    this.#update()
  }

  /** The system is over: everything is settled, one way or another. What is left of its threads may keep it alive. */
  over(): void {
    this.#over = true
    const settled = [...this.#covered, ...this.#behind]
    this.#covered.clear()
    this.#behind.clear()
    this.#update()
    for (const call of settled) call()
  }

  #watch(): void {
    this.#watching = true
    this.#sentSince = false
    this.#covered = this.#behind
    this.#behind = new Set()
    binding.watchIdle(this.#handle)
    this.#update()
  }

  #update(): void {
    const unsettled = this.#started && (this.#watching || this.#sentSince)
    const awaited = this.#covered.size + this.#behind.size > 0
    const alive = !this.#ended && (this.#busy || unsettled || awaited)
    if (alive === this.#held) return
    this.#held = alive
    if (alive) hold()
    else release()
  }
}
