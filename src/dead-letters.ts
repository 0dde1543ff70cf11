/** The dead letters of a system: kept for whoever looks at them, sends them again, or throws them away. */

import { InvalidOptionError } from './errors.js'
import type { DeadLetter } from './report.js'

/** How many dead letters are kept, and what happens to one more. */
export interface DeadLetterOptions {
  /** The most that are kept. Default 1000. A `redrive` that fails puts its letter back, also where others came meanwhile. */
  keep?: number | undefined
  /**
   * With one more, the oldest goes ('evict', the default); or consumers take no more items until one was discarded or sent
   * again ('block'). From draining on nothing waits.
   */
  whenFull?: 'evict' | 'block' | undefined
}

/** What the letters need of their system. */
export interface DeadLettersSystem<T> {
  readonly deadLetters: { readonly keep: number; readonly block: boolean }
  resend(letter: DeadLetter<T>): Promise<void>
  /** So many more are kept than were added, or fewer. */
  lettersKept(change: number): void
}

/** The dead letters that are kept, the oldest first. Iterating gives those that were there when it began. */
export class DeadLetters<T = unknown> implements Iterable<DeadLetter<T>> {
  readonly #system: DeadLettersSystem<T>
  #letters: DeadLetter<T>[] = []
  /** Which one in the order in which they came each is. */
  readonly #numbers = new WeakMap<DeadLetter<T>, number>()
  #added = 0
  #evicted = 0
  #unbounded = false

  /** @internal */
  constructor(system: DeadLettersSystem<T>) {
    this.#system = system
  }

  /** How many are kept. */
  get size(): number {
    return this.#letters.length
  }

  /** How many were taken in here and had to go, because too many were kept. */
  get evicted(): number {
    return this.#evicted
  }

  [Symbol.iterator](): Iterator<DeadLetter<T>> {
    return [...this.#letters][Symbol.iterator]()
  }

  /** Throws away the letters for which `filter` gives true; all of them without one. Returns how many those were. */
  discard(filter: (letter: DeadLetter<T>) => boolean = () => true): number {
    checkFilter(filter)
    const discarded = new Set(this.#letters.filter((letter) => filter(letter)))
    const left = this.#letters.filter((letter) => !discarded.has(letter))
    const count = this.#letters.length - left.length
    this.#keep(left)
    return count
  }

  /**
   * Sends the items of the letters for which `filter` gives true once more, in order; all of them without one. Each is a
   * new production, whose attempts count from 1, with the key that the system's `key` gives it and the lowest priority.
   * Waits while the channel is full. Resolves with how many were sent.
   *
   * Rejects as `send` does; what was not sent stays here.
   */
  async redrive(filter: (letter: DeadLetter<T>) => boolean = () => true): Promise<number> {
    let sent = 0
    checkFilter(filter)
    for (const letter of this.#letters.filter((kept) => filter(kept))) {
      // Taken out first, so that no one else sends or discards it meanwhile.
      const index = this.#letters.indexOf(letter)
      if (index < 0) continue
      this.#keep(this.#letters.toSpliced(index, 1))
      try {
        await this.#system.resend(letter)
      } catch (error) {
        this.#putBack(letter)
        throw error
      }
      sent++
    }
    return sent
  }

  /** @internal For how many more there is room, where consumers have to mind. */
  get room(): number {
    const { keep, block } = this.#system.deadLetters
    return block && !this.#unbounded ? Math.max(0, keep - this.#letters.length) : Infinity
  }

  /** @internal From now on nobody waits for room. */
  lift(): void {
    this.#unbounded = true
  }

  /** @internal */
  add(letter: DeadLetter<T>): void {
    const { keep, block } = this.#system.deadLetters
    if (!block && this.#letters.length >= keep) {
      if (this.#evicted++ === 0) warnOfEviction(keep)
      this.#letters.shift()
      if (keep === 0) return
    }
    this.#letters.push(letter)
    this.#numbers.set(letter, this.#added++)
  }

  #putBack(letter: DeadLetter<T>): void {
    const numberOf = (other: DeadLetter<T>): number => this.#numbers.get(other) as number
    const later = this.#letters.findIndex((other) => numberOf(other) > numberOf(letter))
    this.#keep(this.#letters.toSpliced(later < 0 ? this.#letters.length : later, 0, letter))
  }

  #keep(letters: DeadLetter<T>[]): void {
    const change = letters.length - this.#letters.length
    this.#letters = letters
    this.#system.lettersKept(change)
  }
}

let warned = false

function warnOfEviction(keep: number): void {
  if (warned) return
  warned = true
  process.emitWarning(
    `more than ${keep} dead letters: the oldest are evicted; look at system.deadLetters, or set deadLetters.keep`,
    { type: 'MillraceWarning', code: 'MILLRACE_DEAD_LETTERS' },
  )
}

function checkFilter(filter: unknown): void {
  if (typeof filter !== 'function') throw new InvalidOptionError('filter', 'a function', filter)
}
