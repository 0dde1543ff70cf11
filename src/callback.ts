/** The consumer that is a JavaScript function: it takes items in chunks and calls the function for each. */

import { Take } from './binding.js'
import { CHUNK_ITEMS, Chunk } from './chunk.js'
import type { HandlerFunction } from './context.js'
import { type ContextSystem, HandlerContext } from './handler-context.js'
import { Marks } from './marks.js'
import { binding } from './native.js'
import type { DeadLetter, DeadLetterReason } from './report.js'
import type { Results } from './results.js'
import type { Runs } from './runs.js'
import { inNextTurn, recently, turnIsDue } from './turn.js'

/** What a callback consumer needs to know of its system. */
export interface CallbackSystem<T, R> extends ContextSystem<T> {
  readonly handle: number
  readonly consumers: number
  readonly capacity: number
  readonly runs: Runs<R>
  /** Where results go, if anyone asked for them. */
  readonly results: Results<R> | undefined
  /** An item was given up. */
  bury(letter: DeadLetter<T>): void
  /** The item of this context is settled, and some of its sends still wait. */
  leaveBehind(context: HandlerContext<T>): void
  /** Why the system breaks off, once it does. */
  breakReason(): { reason: DeadLetterReason; error: Error }
}

/** A place for a handler's pending promise. There are as many as consumers, and each is used again and again. */
class Slot<T, R> {
  readonly worker: number
  readonly fulfilled: (result: R) => void
  readonly rejected: (error: unknown) => void
  item: T | undefined
  tag = 0
  generation = 0
  began = 0
  /** Whether `began` is exact, for a sample. */
  sampled = false
  /** There while the promise is pending. */
  context: HandlerContext<T> | undefined

  constructor(
    worker: number,
    settle: (slot: Slot<T, R>, result: R | undefined, error?: { error: unknown }) => void,
  ) {
    this.worker = worker
    this.fulfilled = (result) => settle(this, result)
    this.rejected = (error) => settle(this, undefined, { error })
  }
}

const { then } = Promise.prototype

/**
 * Calls a handler for every item, with at most `consumers` of its promises pending. What was handed over and settled
 * is told to the native side with the next chunk, and at the latest when the microtasks are through.
 */
export class Callback<T, R> {
  readonly #system: CallbackSystem<T, R>
  readonly #handler: HandlerFunction<T, R>
  readonly #chunk = new Chunk()
  readonly #marks = new Marks(this.#chunk)
  readonly #items: unknown[] = new Array(CHUNK_ITEMS).fill(undefined)
  readonly #slots: Slot<T, R>[]
  readonly #free: Slot<T, R>[]
  #count = 0
  #position = 0
  #tagged = false
  #generation = 0
  /** Whether the next item's time is to be taken: one of each report's. */
  #sampling = true
  /** How many items were ever handed over. */
  #sequence = 0
  #bounded = true
  /** Until the system starts, too. */
  #paused = true
  #broken = false
  #working = false
  #reporting = false
  #breathing = false
  #drained = false
  #over = false

  constructor(system: CallbackSystem<T, R>, handler: HandlerFunction<T, R>) {
    this.#system = system
    this.#handler = handler
    const settle = this.#settle.bind(this)
    this.#slots = Array.from({ length: system.consumers }, (_, index) => new Slot<T, R>(index, settle))
    // The last one is taken first, and the first is number 0.
    this.#free = this.#slots.toReversed()
  }

  /** Hands over what there is, as far as slots and the reader of results allow. Never waits. */
  work(): void {
    if (this.#working || this.#over) return
    this.#working = true
    if (this.#pending === 0 && !this.#marks.any) this.#marks.begin(recently())
    while (this.#mayHand() && (this.#position < this.#count || this.#take())) {
      this.#handNext()
      if (turnIsDue()) {
        this.#breathe()
        break
      }
    }
    this.#working = false
    if (this.#broken) this.#giveUp()
    else this.#settled()
  }

  /** Whether nothing more is handed over for now. */
  pause(paused: boolean): void {
    this.#paused = paused
    if (!paused) this.work()
  }

  /** The system breaks off: what handlers have is given up, and the rest goes back. Their outcomes come too late. */
  breakOff(): void {
    this.#broken = true
    if (!this.#working && !this.#over) this.#giveUp()
  }

  /** Production has ended: from now on results pass their bound rather than hold anything up. */
  drain(): void {
    this.#bounded = false
    this.pause(false)
  }

  /** Tells the native side what was handed over and settled; whether there was any. */
  report(): boolean {
    if (this.#over || !this.#marks.any) return false
    this.#seal()
    binding.reportItems(this.#system.handle, this.#chunk.memory)
    return true
  }

  get #pending(): number {
    return this.#slots.length - this.#free.length
  }

  #mayHand(): boolean {
    if (this.#free.length === 0 || this.#paused || this.#breathing || this.#broken) return false
    const { results } = this.#system
    if (results === undefined || results.ended || !this.#bounded) return true
    // Each handler under way has a place kept for its result.
    return results.length + this.#pending < this.#system.capacity
  }

  /** Takes the next chunk; whether there was one. */
  #take(): boolean {
    this.#seal()
    const count = binding.takeItems(this.#system.handle, this.#chunk.memory)
    if (count > 0) {
      this.#chunk.decode(count, this.#items, () => binding.takeLargeItems(this.#system.handle))
      this.#tagged = this.#chunk.tagged
      this.#generation = this.#chunk.generation
      this.#position = 0
      this.#count = count
      return true
    }
    if (count === Take.Ended) this.#drained = true
    else if (count === Take.Aborted) this.#broken = true
    return false
  }

  #handNext(): void {
    const index = this.#position++
    const item = this.#items[index] as T
    // A chunk stays for as long as no other comes: do not keep what was handled alive.
    this.#items[index] = undefined
    const tag = this.#tagged ? (this.#chunk.tags[index] as number) : 0
    const slot = this.#free[this.#free.length - 1] as Slot<T, R>
    const context = new HandlerContext<T>(this.#system, this.#sequence++, slot.worker)
    const handler = this.#handler
    const sampled = this.#sampling
    const began = sampled ? performance.now() : recently()
    this.#sampling = false
    this.#marks.handed(this.#generation)
    let result: R | PromiseLike<R>
    try {
      result = handler(item, context)
      if (isThenable(result)) {
        // Other thenables may call back at once, or twice: a promise around them does neither.
        const promise = result instanceof Promise ? result : Promise.resolve(result)
        then.call(promise, slot.fulfilled as (result: unknown) => void, slot.rejected)
        this.#free.pop()
        slot.item = item
        slot.tag = tag
        slot.generation = this.#generation
        slot.began = began
        slot.sampled = sampled
        slot.context = context
        return
      }
    } catch (error) {
      this.#leave(context)
      this.#marks.failed(this.#generation)
      this.#bury(item, tag, error, 1, began, 'failed')
      return
    }
    this.#leave(context)
    if (sampled) this.#marks.sample(performance.now() - began)
    this.#marks.processed(this.#generation)
    this.#deliver(result, tag)
  }

  /** A promise has settled. The first settlement wins: after a break its item is settled already. */
  #settle(slot: Slot<T, R>, result: R | undefined, failure?: { error: unknown }): void {
    if (this.#over) return
    if (slot.sampled) this.#marks.sample(performance.now() - slot.began)
    if (failure) {
      this.#marks.failed(slot.generation)
      this.#bury(slot.item as T, slot.tag, failure.error, 1, slot.began, 'failed')
    } else {
      this.#marks.processed(slot.generation)
      this.#deliver(result as R, slot.tag)
    }
    this.#release(slot)
    this.work()
  }

  #release(slot: Slot<T, R>): void {
    this.#leave(slot.context as HandlerContext<T>)
    slot.item = undefined
    slot.context = undefined
    this.#free.push(slot)
  }

  #leave(context: HandlerContext<T>): void {
    if (context.waits > 0) this.#system.leaveBehind(context)
  }

  #deliver(result: R, tag: number): void {
    if (tag !== 0) this.#system.runs.resolve(tag, result)
    else this.#system.results?.push(result)
  }

  #bury(
    item: T,
    tag: number,
    error: unknown,
    attempts: number,
    began: number,
    reason: DeadLetterReason,
  ): void {
    if (tag !== 0) this.#system.runs.reject(tag, error)
    const lastAt = Date.now()
    const firstAt = Math.min(lastAt, Math.round(lastAt - (performance.now() - began)))
    this.#system.bury({ item, error, attempts, firstAt, lastAt, reason })
  }

  /** Nothing more can be handed over for now. */
  #settled(): void {
    if (this.#drained && this.#pending === 0) this.#end()
    else if (!this.#reporting && this.#marks.any) {
      this.#reporting = true
      process.nextTick(() => {
        this.#reporting = false
        this.report()
      })
    }
  }

  #breathe(): void {
    this.#breathing = true
    inNextTurn(() => {
      this.#breathing = false
      this.work()
    })
  }

  #giveUp(): void {
    const { reason, error } = this.#system.breakReason()
    for (const slot of this.#slots) {
      if (slot.context === undefined) continue
      this.#marks.failed(slot.generation)
      this.#bury(slot.item as T, slot.tag, error, 1, slot.began, reason)
      this.#release(slot)
    }
    // Past a stop's time-out what never went to the handler is a dead letter too; after an abort it is in the report.
    if (reason === 'timeout') {
      do this.#buryChunk(error)
      while (this.#take())
    }
    this.#end()
  }

  #buryChunk(error: Error): void {
    while (this.#position < this.#count) {
      const index = this.#position++
      const tag = this.#tagged ? (this.#chunk.tags[index] as number) : 0
      this.#bury(this.#items[index] as T, tag, error, 0, performance.now(), 'timeout')
    }
  }

  #end(): void {
    this.#over = true
    this.#items.fill(undefined)
    this.#seal()
    binding.endItems(this.#system.handle, this.#chunk.memory)
  }

  #seal(): void {
    this.#marks.seal()
    this.#sampling = true
  }
}

function isThenable<V>(value: V | PromiseLike<V>): value is PromiseLike<V> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof (value as PromiseLike<V>).then === 'function'
}
