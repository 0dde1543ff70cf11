/** The consumer that is a JavaScript function: it takes items in chunks and calls the function for each. */

import { performance } from 'node:perf_hooks'
import { Take } from './binding.js'
import { Chunk, type ChunkItems } from './chunk.js'
import type { HandlerFunction } from './context.js'
import { type ContextOwner, type ContextSystem, HandlerContext, withLabels } from './handler-context.js'
import { Labels } from './labels.js'
import { Marks } from './marks.js'
import { binding } from './native.js'
import type { DeadLetter, DeadLetterReason } from './report.js'
import type { Results } from './results.js'
import type { Runs } from './runs.js'
import { isThenable } from './thenable.js'
import { immediately, inNextTurn, lookAtClock, Pace, recently } from './turn.js'

/** What a callback consumer needs to know of its system. */
export interface CallbackSystem<T, R> extends ContextSystem<T> {
  readonly handle: number
  readonly consumers: number
  readonly capacity: number
  readonly runs: Runs<R>
  /** Where results go, if anyone asked for them. */
  readonly results: Results<R> | undefined
  /** The handler that this consumer ran is through, whatever its sends do. Returns whether others wait in a send. */
  handlerEnded(consumer: object): boolean
  /** For how many more dead letters there is room. */
  readonly letterRoom: number
  /** An item was given up. */
  bury(letter: DeadLetter<T>): void
  /** The native side breaks off, and its notice is still to come. Calls `breakOff` before it returns. */
  breakOff(): void
  /** Why the system breaks off, once it does. */
  breakReason(): { reason: DeadLetterReason; error: Error }
}

/** What a promise calls. */
interface Outcomes {
  fulfilled: (result: unknown) => void
  rejected: (error: unknown) => void
}

/**
 * One of the `consumers`, and the item whose promise it waits for. It is used again and again, so that an item costs
 * no closure, and holds no more of it than it must: what is young costs extra in what is old.
 */
class Slot<T> implements ContextOwner<T> {
  readonly worker: number
  readonly prefix = ''
  readonly attempt = 1
  readonly system: ContextSystem<T>
  readonly fulfilled: (result: unknown) => void
  readonly rejected: (error: unknown) => void
  sequence = NONE
  item: T | undefined
  tag = 0
  generation = 0
  began = 0
  /** Whether its time is one that is told. */
  sampled = false
  /** Whether it waits for a promise. */
  pending = false

  constructor(worker: number, system: ContextSystem<T>, outcomes: (slot: Slot<T>) => Outcomes) {
    this.worker = worker
    this.system = system
    const { fulfilled, rejected } = outcomes(this)
    this.fulfilled = fulfilled
    this.rejected = rejected
  }
}

/** The most items between two looks at the clock. */
const STRIDE = 32
/** ms of handlers for each whose time is told, which takes one or two microseconds. */
const SAMPLING = 0.5
/** The most handlers for each. */
const MOST = 1024
/** 1 ns: 0 is no time. */
const LEAST = 1e-6
/** The sequence number of no item. */
const NONE = -1
const { then } = Promise.prototype

/**
 * Calls a handler for every item, with at most `consumers` of its promises pending. What was handed over and settled
 * is told to the native side with the next chunk, and at the latest when the microtasks are through.
 */
export class Callback<T, R> {
  readonly #system: CallbackSystem<T, R>
  /** The calls as the system gave them. */
  readonly #calls: { handler: HandlerFunction<T, R>; sending: HandlerFunction<T, undefined> | undefined }
  /** The call in use: the system's, or around it one that knows the chunk's labels. */
  #handler: HandlerFunction<T, R>
  /** What is called in its place where a result goes elsewhere, other than to a caller of `run`. */
  #sending: HandlerFunction<T, undefined> | undefined
  readonly #chunk = new Chunk()
  readonly #marks = new Marks(this.#chunk)
  readonly #pace = new Pace(STRIDE)
  readonly #slots: Slot<T>[]
  /** The slots without a promise; the last one is next. */
  readonly #free: Slot<T>[]
  /** How many slots wait for a promise. */
  #pending = 0
  #items: ChunkItems = []
  #count = 0
  #position = 0
  /** How many of them may be handed over before anything else is looked at, and how many were since the clock was. */
  #ahead = 0
  #unclocked = 0
  #tagged = false
  /** Whether the calls in use know of labels. */
  #labeled = false
  #generation = 0
  /** How many items were ever handed over. */
  #sequence = 0
  #bounded = true
  /** Whether nothing is handed over: paused, before the start too; breathing; or broken off. */
  #held = true
  #paused = true
  #broken = false
  #working = false
  #givingUp = false
  #reporting = false
  #breathing = false
  #drained = false
  /** Whether a handler may be waiting for room in the system's own channel. */
  #waits = false
  /** How many promises until the next whose time is told. */
  #untilSample = 1
  /** Of how many promises the time of one is told. */
  #oneIn = 1
  /** A time shortly before that one's handler is called. */
  #sampleFrom = 0
  #over = false

  constructor(
    system: CallbackSystem<T, R>,
    handler: HandlerFunction<T, R>,
    sending?: HandlerFunction<T, undefined>,
  ) {
    this.#system = system
    this.#calls = { handler, sending }
    this.#handler = handler
    this.#sending = sending
    const outcomes = (slot: Slot<T>): Outcomes => ({
      fulfilled: (result) => this.#fulfilled(slot, result),
      rejected: (error) => this.#rejected(slot, error),
    })
    this.#slots = Array.from({ length: system.consumers }, (_, index) => new Slot(index, system, outcomes))
    this.#free = this.#slots.toReversed()
    binding.attachItems(system.handle, this.#chunk.memory)
  }

  /** Hands over what there is, as far as slots and the reader of results allow. Never waits. */
  work(): void {
    if (this.#working || this.#over) return
    this.#lookAtClock()
    if (this.#pending === 0 && !this.#marks.any) this.#marks.begin(recently())
    // Nothing is taken that nobody is free for.
    while (this.#free.length > 0 && this.#isThereWork()) {
      const slot = this.#free.pop()
      if (slot === undefined) break
      this.#handOver(slot)
    }
    this.#rest()
  }

  /** Whether nothing more is handed over for now. */
  pause(paused: boolean): void {
    this.#paused = paused
    this.#updateHeld()
    if (!paused) this.work()
  }

  /** Production has ended: from now on results pass their bound rather than hold anything up. */
  drain(): void {
    this.#bounded = false
    this.pause(false)
  }

  /**
   * The system breaks off: what handlers have is given up, and the rest goes back. Their outcomes come too late, but for
   * results that were in their channel by then.
   */
  breakOff(): void {
    this.#broken = true
    this.#updateHeld()
    if (!this.#working) this.#rest()
  }

  /** A handler waits for room in the system's own channel. */
  handlerWaits(): void {
    this.#waits = true
  }

  /** Tells the native side what was handed over and settled; whether there was any. */
  report(): boolean {
    if (this.#over || !this.#marks.any) return false
    this.#marks.seal(this.#generation, performance.now())
    binding.reportItems(this.#system.handle)
    return true
  }

  /** To be called after any change of what it looks at. */
  #updateHeld(): void {
    this.#held = this.#paused || this.#breathing || this.#broken
  }

  /** How many items may be handed over before anyone has to look again. */
  #room(): number {
    if (!this.#bounded) return Infinity
    const { results, capacity, letterRoom } = this.#system
    const room = results === undefined || results.ended ? Infinity : capacity - results.length
    // Each handler under way has a place kept for its outcome.
    return Math.min(room, letterRoom) - this.#pending
  }

  #isThereWork(): boolean {
    return !this.#held && this.#room() > 0 && (this.#position < this.#count || this.#take())
  }

  /** Takes the next chunk; whether there was one. */
  #take(): boolean {
    this.#marks.seal(this.#generation, this.#marks.any ? performance.now() : recently())
    const count = binding.takeItems(this.#system.handle)
    if (count > 0) {
      this.#items = this.#chunk.decode(count, () => binding.takeLargeItems(this.#system.handle))
      this.#tagged = this.#chunk.tagged
      this.#useLabels(this.#chunk.labeled)
      this.#generation = this.#chunk.generation
      this.#position = 0
      this.#count = count
      return true
    }
    // What was handled is not kept alive while nothing comes.
    this.#items = []
    this.#useLabels(false)
    this.#position = this.#count = 0
    if (count === Take.Ended) this.#drained = true
    else if (count === Take.Aborted && !this.#broken) this.#system.breakOff()
    this.#updateHeld()
    return false
  }

  /** Has the items of the chunk handled with their labels; where none has one, as cheaply as if there were no labels. */
  #useLabels(labeled: boolean): void {
    if (!labeled && !this.#labeled) return
    this.#labeled = labeled
    const { handler, sending } = this.#calls
    const labels = labeled
      ? new Labels(binding.takeItemLabels(this.#system.handle), this.#sequence)
      : undefined
    this.#handler = labels ? withLabels(handler, labels) : handler
    this.#sending = labels && sending ? withLabels(sending, labels) : sending
  }

  /** Hands over items one after the other until one's promise takes the slot, or nothing is to be done. */
  #handOver(slot: Slot<T>): void {
    this.#working = true
    while (!slot.pending && this.#isThereWork()) {
      const before = this.#position
      this.#handOverMany(slot, Math.min(this.#room(), this.#pace.operationsInTurn, this.#count - before))
      if (this.#pace.turnIsDue(this.#position - before + this.#unclocked)) this.#breathe()
      this.#unclocked = 0
    }
    this.#working = false
    this.#ahead = this.#isPlain()
      ? Math.min(this.#pace.operationsInTurn - 1, this.#count - this.#position)
      : 0
    if (!slot.pending) {
      slot.sequence = NONE
      this.#free.push(slot)
    }
    this.#reportSoon()
  }

  /** At most `limit` items of the chunk. */
  #handOverMany(slot: Slot<T>, limit: number): void {
    // Tens of millions of times a second: what does not change on the way is looked up once.
    const handler = this.#handler
    const sending = this.#sending
    const items = this.#items
    const marks = this.#marks
    const sequence = this.#sequence - this.#position
    const delivering = this.#tagged || this.#system.results !== undefined
    const end = this.#position + limit
    for (let index = this.#position; index < end && !this.#held; index++) {
      const item = items[index] as T
      slot.sequence = sequence + index
      const context = new HandlerContext<T>(slot, sequence + index)
      this.#position = index + 1
      marks.handed++
      try {
        const result =
          sending !== undefined && this.#tagOf(index) === 0 ? sending(item, context) : handler(item, context)
        if (result !== undefined && isThenable(result)) {
          this.#await(result, slot, item, this.#tagOf(index))
          break
        }
        marks.processed++
        if (delivering) this.#deliver(result as R, this.#tagOf(index))
      } catch (error) {
        marks.failed++
        this.#bury(item, this.#tagOf(index), error, 1, recently(), 'failed')
      }
      if (this.#waits) this.#leave(slot)
    }
    this.#sequence = sequence + this.#position
  }

  /** Whether an item goes to the handler, and nothing is to be done with its result. */
  #isPlain(): boolean {
    return (
      !this.#tagged &&
      this.#sending === undefined &&
      this.#room() === Infinity &&
      this.#system.results === undefined
    )
  }

  /** Hands the next item to a slot whose promise was just settled, and which most often has one to wait for again. */
  #handOverNext(slot: Slot<T>): void {
    const item = this.#items[this.#position++] as T
    this.#ahead--
    this.#unclocked++
    const marks = this.#marks
    slot.sequence = this.#sequence++
    marks.handed++
    this.#working = true
    try {
      const result = this.#handler(item, new HandlerContext(slot, slot.sequence))
      if (result !== undefined && isThenable(result)) this.#listen(result, slot, item)
      else {
        marks.processed++
        this.#clear(slot)
      }
    } catch (error) {
      marks.failed++
      this.#clear(slot)
      this.#bury(item, 0, error, 1, recently(), 'failed')
    }
    this.#working = false
    this.#reportSoon()
  }

  #await(result: PromiseLike<R | undefined>, slot: Slot<T>, item: T, tag: number): void {
    this.#listen(result, slot, item)
    slot.tag = tag
    slot.pending = true
    this.#pending++
  }

  #listen(result: PromiseLike<R | undefined>, slot: Slot<T>, item: T): void {
    // Other thenables may call back at once, or twice: a promise around them does neither.
    const promise = result instanceof Promise ? result : Promise.resolve(result)
    then.call(promise, slot.fulfilled, slot.rejected)
    slot.item = item
    slot.generation = this.#generation
    slot.began = recently()
    if (--this.#untilSample <= 1) this.#choose(slot)
  }

  /** It, or the one after it, is the one whose time is told, unless one is at work. */
  #choose(slot: Slot<T>): void {
    if (this.#untilSample === 1) this.#sampleFrom = performance.now()
    else if (this.#untilSample === 0) {
      slot.sampled = true
      slot.began = Math.max(this.#sampleFrom, slot.began)
    }
  }

  /**
   * Tells how long a handler took that was chosen before it was known. Where they are quick it is one in many, by chance: what
   * comes at regular intervals is not to be always or never the one.
   */
  #sample(slot: Slot<T>): void {
    const now = performance.now()
    const took = Math.max(now - slot.began, LEAST)
    slot.sampled = false
    if (this.#marks.sampled) this.report()
    this.#marks.sample(took)
    this.#oneIn = Math.max(1, Math.min(2 * this.#oneIn, SAMPLING / took, MOST))
    this.#untilSample = 1 + Math.floor(Math.random() * this.#oneIn)
    this.#sampleFrom = now
  }

  // The first settlement wins: after a break the item is settled already, or about to be.

  #fulfilled(slot: Slot<T>, result: unknown): void {
    if (this.#over || (this.#givingUp && !this.#isSending(slot.tag))) return
    this.#lookAtClock()
    this.#marks.settledLate(slot.generation, false)
    if (slot.sampled) this.#sample(slot)
    const { tag } = slot
    if (tag === 0 && this.#isNextAtHand()) {
      this.#handOverNext(slot)
    } else {
      this.#clear(slot)
      this.#deliver(result as R, tag)
    }
    this.#goOn(slot)
  }

  #rejected(slot: Slot<T>, error: unknown): void {
    if (this.#over || this.#givingUp) return
    this.#lookAtClock()
    const { item, tag, began } = slot
    this.#marks.settledLate(slot.generation, true)
    if (slot.sampled) this.#sample(slot)
    // Before anyone hears of it: a listener may break the system off, and this item is settled.
    this.#clear(slot)
    this.#bury(item as T, tag, error, 1, began, 'failed')
    this.#goOn(slot)
  }

  /** Once between two reports: what comes first may come in a turn of its own. */
  #lookAtClock(): void {
    if (!this.#reporting) lookAtClock()
  }

  #goOn(slot: Slot<T>): void {
    if (!slot.pending) this.#handOver(slot)
    this.#rest()
  }

  #isNextAtHand(): boolean {
    return this.#ahead > 0 && !this.#held && !this.#waits
  }

  #clear(slot: Slot<T>): void {
    if (this.#waits) this.#leave(slot)
    slot.item = undefined
    slot.sequence = NONE
    slot.pending = false
    this.#pending--
  }

  #tagOf(index: number): number {
    return this.#tagged ? (this.#chunk.tags[index] as number) : 0
  }

  /** Whether the result of an item goes into a channel. */
  #isSending(tag: number): boolean {
    return this.#sending !== undefined && tag === 0
  }

  #leave(slot: Slot<T>): void {
    this.#waits = this.#system.handlerEnded(slot)
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
    this.#system.bury({ item, error, attempts, deaths: 0, firstAt, lastAt, reason })
  }

  /** There is nothing to do for now, or ever. */
  #rest(): void {
    if (this.#over) return
    if (this.#broken) this.#giveUpSoon()
    else if (this.#drained && this.#pending === 0) this.#end()
  }

  #giveUpSoon(): void {
    if (this.#sending === undefined || this.#pending === 0) {
      this.#giveUp()
      return
    }
    if (this.#givingUp) return
    this.#givingUp = true
    // The signal has ended the sends that wait. Those that were in by then are through with this turn's microtasks.
    immediately(() => {
      if (!this.#over) this.#giveUp()
    })
  }

  #reportSoon(): void {
    if (this.#reporting || !this.#marks.any) return
    this.#reporting = true
    process.nextTick(() => {
      this.#reporting = false
      this.report()
    })
  }

  #breathe(): void {
    this.#breathing = true
    this.#updateHeld()
    inNextTurn(() => {
      this.#breathing = false
      this.#updateHeld()
      this.work()
    })
  }

  #giveUp(): void {
    const { reason, error } = this.#system.breakReason()
    const pending = this.#slots.filter((slot) => slot.pending)
    for (const slot of pending.sort((one, other) => one.sequence - other.sequence)) {
      // A listener that hears of one of them may break the system off once more.
      if (!slot.pending) continue
      const { item, tag, began } = slot
      this.#marks.settledLate(slot.generation, true)
      this.#clear(slot)
      this.#bury(item as T, tag, error, 1, began, reason)
    }
    // Past a stop's time-out what never went to the handler is a dead letter too; after an abort it is in the report.
    if (reason === 'timeout') {
      do this.#buryChunk(error)
      while (this.#take())
    }
    // Unless a listener that heard of these letters has broken the system off once more.
    if (!this.#over) this.#end()
  }

  #buryChunk(error: Error): void {
    while (this.#position < this.#count) {
      const index = this.#position++
      this.#bury(this.#items[index] as T, this.#tagOf(index), error, 0, performance.now(), 'timeout')
    }
  }

  #end(): void {
    this.#over = true
    this.#items = []
    this.#useLabels(false)
    this.#marks.seal(this.#generation, performance.now())
    binding.endItems(this.#system.handle)
  }
}
