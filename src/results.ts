/** Results on their way to the one who iterates `system.results()`. */

import { performance } from 'node:perf_hooks'
import { inNextTurn, turnIsDue } from './turn.js'

/** ms for which results are gathered where they trickle in: to be woken for each costs the threads that make them a core. */
const GATHERED = 4
/**
 * Results trickle where so many at the most are there until there are none, and so many in a ms: with fewer a wake-up each costs
 * nothing, and with more what is gathered would hold up who makes them.
 */
const FEW = 32
const OFTEN = 0.5
const MANY = 32

/** Where results come from, and who is to know of their reader. */
export interface ResultsOrigin<R> {
  /** Brings more results, if there are any; with `wait`, tells later where there are none. */
  refill?(wait: boolean): R[]
  /** The reader took one. */
  onRead?(): void
  /** The reader broke off. */
  onBreak?(): void
}

interface Reader<R> {
  resolve(result: IteratorResult<R, undefined>): void
  reject(error: unknown): void
}

/** A queue that is read by asynchronous iteration; it ends with the system, and throws after an abort. */
export class Results<R> implements AsyncIterableIterator<R, undefined, undefined> {
  readonly #origin: ResultsOrigin<R>
  #values: R[] = []
  #position = 0
  #readers: Reader<R>[] = []
  #end: { error?: unknown } | undefined
  #claimed = false
  #trickles = false
  /** When there were none last, and how many have come since. */
  #emptyAt = 0
  #came = 0
  #gathering: NodeJS.Timeout | undefined

  constructor(origin: ResultsOrigin<R>) {
    this.#origin = origin
  }

  /** How many results wait to be read. */
  get length(): number {
    return this.#values.length - this.#position
  }

  /** Whether nobody is going to read any more. */
  get ended(): boolean {
    return this.#end !== undefined
  }

  /** Whether the caller is the first, and so the one reader. */
  claim(): boolean {
    const first = !this.#claimed
    this.#claimed = true
    return first
  }

  /** Adds a result. Never waits: who pushes looks at `length` before. */
  push(value: R): void {
    if (this.#end) return
    const reader = this.#readers.shift()
    if (reader) reader.resolve({ value, done: false })
    else this.#values.push(value)
  }

  /** Serves readers that wait, now that there may be more to bring. */
  ready(): void {
    while (this.#readers.length > 0) {
      const values = this.#bring()
      if (values.length === 0) return
      for (const value of values) this.push(value)
    }
  }

  /** No more results come. What is there can still be read; then comes the end, or `error` once. */
  end(failure: { error?: unknown } = {}): void {
    if (this.#end) return
    clearTimeout(this.#gathering)
    for (;;) {
      const values = this.#origin.refill?.(true) ?? []
      if (values.length === 0) break
      for (const value of values) this.push(value)
    }
    this.#end = failure
    for (const reader of this.#readers.splice(0)) this.#finish(reader)
  }

  next(): Promise<IteratorResult<R, undefined>> {
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject }
      // Behind others who wait: what comes is theirs first.
      const mayBring = this.#readers.length === 0 && !this.#end && this.#gathering === undefined
      if (this.length === 0 && mayBring) this.#values = this.#bring()
      if (this.length === 0) {
        if (this.#end) {
          this.#finish(reader)
          return
        }
        this.#readers.push(reader)
        return
      }
      const result = { value: this.#take(), done: false } as const
      this.#origin.onRead?.()
      if (turnIsDue()) inNextTurn(() => resolve(result))
      else resolve(result)
    })
  }

  /** Breaks off: what is there and what comes later is dropped. */
  async return(): Promise<IteratorResult<R, undefined>> {
    const first = !this.#end
    this.#end = {}
    this.#values = []
    this.#position = 0
    for (const reader of this.#readers.splice(0)) this.#finish(reader)
    if (first) this.#origin.onBreak?.()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /**
   * The next results that are there. Where there are none, later ones are told of: by the native side at once, or where they
   * trickle in, by a timer.
   */
  #bring(): R[] {
    const before = this.#trickles
    const values = this.#origin.refill?.(!before) ?? []
    if (values.length > 0) return this.#count(values)
    const now = performance.now()
    const perMs = this.#came / (now - this.#emptyAt)
    this.#trickles = this.#came <= FEW && perMs >= OFTEN && perMs <= MANY
    this.#came = 0
    this.#emptyAt = now
    if (!before) return values
    if (this.#trickles) this.#gather()
    else return this.#count(this.#origin.refill?.(true) ?? [])
    return values
  }

  #count(values: R[]): R[] {
    this.#came += values.length
    return values
  }

  /** Looks a little later, by when there may be more than one. */
  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      this.ready()
    }, GATHERED)
  }

  #take(): R {
    const value = this.#values[this.#position] as R
    this.#values[this.#position++] = undefined as R
    if (this.#position === this.#values.length || this.#position === 1024) {
      this.#values = this.#values.slice(this.#position)
      this.#position = 0
    }
    return value
  }

  #finish(reader: Reader<R>): void {
    const end = this.#end
    if (end && 'error' in end) {
      this.#end = {}
      reader.reject(end.error)
    } else reader.resolve({ value: undefined, done: true })
  }
}
