/** A producer that runs in JavaScript: it pulls an iterator and sends what comes, with backpressure. */

import { checkKey } from './channel/order-options.js'
import { atTurnEnd, type TurnEnd } from './channel/turn-end.js'
import { Snapshot } from './codec/encode.js'
import { describe } from './errors.js'
import { NativeSource } from './sources.js'
import { isThenable } from './thenable.js'
import { inNextTurn, Pace } from './turn.js'

/** What a pull is for. */
export interface PullTarget {
  /** Opens what is to be pulled. */
  open(): AsyncIterable<unknown> | Iterable<unknown>
  /**
   * Sends all of `items`. Where that has to wait, returns true and calls `done` after; nothing else is sent until
   * then. `done(false)`: nothing more is taken.
   */
  send(items: unknown[], done: (more: boolean) => void, keys?: (string | undefined)[]): boolean
  /** Gives items their keys, which go along to `send`. One for which it throws goes to `rejected`. */
  keyOf?: ((item: unknown) => string | undefined) | undefined
  rejected?(item: unknown, error: unknown): void
  /** The items ended, or failed; everything that came before was sent. */
  ended(failure?: { error: unknown }): void
}

/** The most items that travel together. */
const BATCH = 64
/** The most items between two looks at the clock. */
const STRIDE = 8
/** Heavy items travel in smaller company. */
const BATCH_BYTES = 256 * 1024

type Pulled = IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>

/**
 * Pulls item by item and sends up to 64 together: those that come without the iterator making us wait. What was
 * pulled is sent at the latest when it does, by the end of the microtasks.
 */
export class Pull implements TurnEnd {
  readonly sends = true
  readonly #pace = new Pace(STRIDE)
  readonly #target: PullTarget
  #iterator: { next(): Pulled; return?(): unknown } | undefined
  #staged: unknown[] = []
  /** Their keys, where they have some. */
  #keys: (string | undefined)[] | undefined
  /** About how many bytes are staged. */
  #weight = 0
  #sending = false
  /**
   * Whether code of the source's or an item's runs: what opens the iterator, its `next()`, which can't be told to return
   * meanwhile, or what gives the item in hand its key.
   */
  #running = false
  /** It was stopped meanwhile. */
  #stopped = false
  /** Whether a `next()` has given a promise that is not settled. Nobody may count on an iterator that is asked again before. */
  #pending = false
  #closed = false
  /** The end came; it is told once everything is sent. */
  #end: { failure?: { error: unknown } } | undefined
  #over = false

  constructor(target: PullTarget) {
    this.#target = target
  }

  start(): void {
    this.#running = true
    try {
      this.#iterator = iteratorOf(this.#target.open())
    } catch (error) {
      this.#finish(this.#stopped ? {} : { failure: { error } })
      return
    } finally {
      this.#running = false
    }
    if (this.#stopped) this.stop()
    else this.#pull()
  }

  /**
   * Ends the pull: what it has is sent, `return()` is called, and a `next()` that is still pending is not waited for.
   */
  stop(): void {
    if (this.#end) return
    if (this.#running) {
      this.#stopped = true
      return
    }
    this.#close()
    this.#finish({})
  }

  /** Ends the pull at once: what it has is dropped. */
  abort(): void {
    this.#staged = []
    this.#keys = undefined
    this.#sending = false
    if (this.#end) this.#finish(this.#end)
    else this.stop()
  }

  #pull(): void {
    while (!this.#end && !this.#sending && !this.#pending) {
      if (this.#pace.turnIsDue()) {
        this.#flush()
        inNextTurn(() => this.#pull())
        return
      }
      let pulled: Pulled | undefined
      try {
        pulled = this.#next()
        if (isThenable(pulled)) {
          this.#pending = true
          // Other thenables may call back at once, or twice: a promise around them does neither.
          void Promise.resolve(pulled).then(this.#received, this.#failed)
          if (this.#stopped) this.stop()
          return
        }
        this.#accept(pulled)
      } catch (error) {
        this.#failed(error)
      }
      if (this.#stopped) this.stop()
    }
  }

  #next(): Pulled | undefined {
    this.#running = true
    try {
      return this.#iterator?.next()
    } finally {
      this.#running = false
    }
  }

  readonly #received = (pulled: IteratorResult<unknown>): void => {
    this.#pending = false
    if (this.#end) return
    try {
      this.#accept(pulled)
    } catch (error) {
      this.#failed(error)
    }
    if (this.#stopped) this.stop()
    this.#pull()
  }

  readonly #failed = (error: unknown): void => {
    this.#pending = false
    if (!this.#end) this.#finish({ failure: { error } })
  }

  #accept(pulled: IteratorResult<unknown> | undefined): void {
    if (typeof pulled !== 'object' || pulled === null) {
      throw new TypeError(`the source's iterator: expected next() to give an object, got ${pulled}`)
    }
    this.#running = true
    let done: boolean | undefined
    try {
      done = pulled.done
    } finally {
      this.#running = false
    }
    if (done) {
      this.#finish({})
      return
    }
    this.#running = true
    try {
      const item = Snapshot.of(pulled.value, 'item')
      if (this.#target.keyOf === undefined || this.#keep(pulled.value)) this.#stage(item)
    } catch (error) {
      this.#close()
      throw error
    } finally {
      this.#running = false
    }
  }

  /** Notes the key of the item that is staged next; false where there is none to be had. */
  #keep(value: unknown): boolean {
    try {
      const key = checkKey(this.#target.keyOf?.(value))
      this.#keys ??= []
      this.#keys.push(key)
      return true
    } catch (error) {
      this.#target.rejected?.(value, error)
      return false
    }
  }

  #stage(item: unknown): void {
    this.#staged.push(item)
    if (typeof item === 'string') this.#weight += item.length
    else if (Snapshot.is(item)) this.#weight += item.encoded.length
    if (this.#staged.length >= BATCH || this.#weight >= BATCH_BYTES) this.#flush()
    else if (this.#staged.length === 1) atTurnEnd(this)
  }

  /** By the end of the microtasks the iterator has either given the next item, or makes us wait; or it blocks this thread. */
  endTurn(): void {
    this.#flush()
  }

  #flush(): void {
    if (this.#sending || this.#staged.length === 0) return
    const items = this.#staged
    const keys = this.#keys
    this.#staged = []
    this.#keys = undefined
    this.#weight = 0
    this.#sending = this.#target.send(items, this.#sent, keys)
  }

  readonly #sent = (more: boolean): void => {
    if (this.#over) return
    this.#sending = false
    if (!more) this.abort()
    else if (this.#end) this.#finish(this.#end)
    else {
      this.#flush()
      this.#pull()
    }
  }

  /** Tells the iterator that nothing more is pulled; that it fails at that is nobody's concern any more. */
  #close(): void {
    // It may run code that ends the pull once more.
    if (this.#closed) return
    this.#closed = true
    try {
      const returned = this.#iterator?.return?.()
      if (isThenable(returned)) returned.then(undefined, () => {})
    } catch {}
  }

  #finish(end: { failure?: { error: unknown } }): void {
    this.#end = end
    this.#flush()
    if (this.#sending || this.#over) return
    this.#over = true
    this.#target.ended(end.failure)
  }
}

/** @throws {TypeError} for what is no iterable object */
function iteratorOf(iterable: unknown): { next(): Pulled; return?(): unknown } {
  if (typeof iterable === 'object' && iterable !== null) {
    for (const symbol of [Symbol.asyncIterator, Symbol.iterator]) {
      const open: unknown = Reflect.get(iterable, symbol)
      if (typeof open === 'function') return Reflect.apply(open, iterable, [])
    }
  }
  const hint =
    iterable instanceof NativeSource ? '; give the source itself, not a function that returns it' : ''
  throw new TypeError(
    `source: expected the function to return an iterable or async iterable object, got ${describe(iterable)}${hint}`,
  )
}
