/** What this environment receives from a channel, and who waits for it here. */

import { performance } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'
import { Take } from '../binding.js'
import { CHUNK_ITEMS, type Chunk } from '../chunk.js'
import { hold, type ItemListener, release } from '../environment.js'
import { binding } from '../native.js'
import type { Overflow } from '../overflow.js'
import { inNextTurn, inTurn, refusedInTurn, turnIsDue } from '../turn.js'
import { checkInteger } from '../validate.js'
import { checkWait, throwIfAborted, timeoutError, type WaitOptions, waitFor } from '../wait.js'
import { mayBlock } from './blocking.js'
import { checkAttached } from './detached.js'
import { parseHeaders } from './send-options.js'
import { atTurnEnd, endTurnNow, flush, type TurnEnd } from './turn-end.js'

/** What an inbox needs to know of its channel. */
export interface InboxChannel {
  readonly handle: number
  readonly capacity: number
  readonly overflow: Overflow
  readonly priorities: number
  /** Whether its last handle here was disposed of. */
  readonly ended: boolean
  /** What a receive at the end gets. */
  endError(): Error
  abortedError(): Error
}

/** An item that was leased, and how the native side knows the lease. */
export interface Leased {
  item: unknown
  lease: number
  attempt: number
  id: string
  headers: Readonly<Record<string, string>>
}

/** Someone who waits. `attempt` takes what is there, and says whether the wait is over. */
interface Waiting {
  /** The object that it was called on, which is not collected meanwhile. */
  readonly owner: object
  attempt(): boolean
  reject(error: unknown): void
  /** For the next item of an iteration: which, and how it ends. */
  readonly iteration?: object
  end?(): void
}

/** What is given when the end comes. */
const END: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })
const NO_LIMIT: WaitOptions = {}
/** The most items that a call may ask for: native counts are 32 bits wide. */
const MAX_ITEMS = 2 ** 32 - 1
/** The most items that an iteration takes ahead. */
const MAX_AHEAD = 128
/** ms: while a loop is through with what it took ahead in less, it takes more. */
const QUICK = 0.2
const leaseRow = new Float64Array(4)

/**
 * Through it an item that was taken ahead is claimed, unless someone took it away: an idle receiver in another thread
 * does so. The lower half of the word counts claims, the upper half limits them; see native/core/src/channel/ahead.rs.
 */
class ClaimWord {
  readonly word = new Uint32Array(2)
  attached = false
  /** Whether something was claimed that the native side was not told. */
  untold = false

  claim(): boolean {
    const before = Atomics.add(this.word, 0, 1)
    if ((before & 0xffff) >= before >>> 16) return false
    this.untold = true
    return true
  }
}

/**
 * All waits of this environment stand in one queue here, and natively in one place: whoever is first tries first.
 * Iterations take items ahead, more the quicker their loops are. These stay in the channel until they are handed over,
 * and go back to the front when another call wants items, and when the loop is left.
 */
export class Inbox implements ItemListener, TurnEnd {
  readonly sends = false
  readonly #channel: InboxChannel
  readonly #chunk: Chunk
  readonly #waiting = new Set<Waiting>()
  readonly #maxAhead: number
  /** How many items to take ahead. */
  #ahead = 1
  /** What was taken ahead, and the place of the next. Each is handed over only if it can be claimed. */
  #items: unknown[] = []
  #position = 0
  readonly #claims = new ClaimWord()
  #takenAt = 0
  /** How many were taken last, and whether that was after a wait through the event loop. */
  #taken = 0
  #slept = false
  #breathing = false

  constructor(channel: InboxChannel, chunk: Chunk) {
    this.#channel = channel
    this.#chunk = chunk
    // What is taken ahead can't make room for others; and with priorities an item of a higher one may come.
    const none = channel.priorities > 1 || channel.overflow === 'drop-oldest'
    this.#maxAhead = none ? 1 : Math.max(1, Math.min(MAX_AHEAD, channel.capacity >> 1))
  }

  receive(options: WaitOptions | undefined, owner: object): Promise<unknown> {
    return this.#wait('receive()', options, owner, (wait, resolve, reject) => {
      const count = binding.takeChannelItems(this.#channel.handle, 1, wait)
      if (count > 0) resolve(this.#decode(count)[0])
      else this.#ended(count, () => reject(this.#channel.endError()), reject)
      return count !== Take.Nothing
    })
  }

  receiveMany(max: number, options: WaitOptions | undefined, owner: object): Promise<unknown[]> {
    try {
      checkInteger('max', max, 1, MAX_ITEMS)
    } catch (error) {
      return refusedInTurn(error)
    }
    return this.#wait('receiveMany()', options, owner, (wait, resolve, reject) => {
      const taken = this.#takeMany(max, wait)
      if (typeof taken !== 'number') resolve(taken)
      else this.#ended(taken, () => resolve([]), reject)
      return taken !== Take.Nothing
    })
  }

  /** `granted` is told at once: before the promise is, the owner may be disposed of, and has to give it back. */
  lease(options: WaitOptions | undefined, owner: object, granted: (lease: number) => void): Promise<Leased> {
    return this.#wait('lease()', options, owner, (wait, resolve, reject) => {
      const count = binding.leaseChannelItem(this.#channel.handle, wait, leaseRow)
      if (count > 0) {
        const [lease, attempt, number, labeled] = leaseRow as unknown as [number, number, number, number]
        granted(lease)
        const label = labeled ? binding.channelLeaseLabel(this.#channel.handle, lease) : null
        const id = label?.id ?? String(number)
        resolve({ item: this.#decode(count)[0], lease, attempt, id, headers: parseHeaders(label?.headers) })
      } else this.#ended(count, () => reject(this.#channel.endError()), reject)
      return count !== Take.Nothing
    })
  }

  /** Null where nothing is there. */
  tryReceive(): { value: unknown } | undefined {
    flush()
    this.#giveBack()
    return this.#took(binding.takeChannelItems(this.#channel.handle, 1, false))
  }

  receiveSync(options: WaitOptions = NO_LIMIT): unknown {
    const { signal, timeout = Number.POSITIVE_INFINITY } = checkWait(options)
    mayBlock('receiveSync()', isMainThread)
    throwIfAborted(signal)
    checkAttached(this.#channel, 'receiveSync()')
    endTurnNow()
    this.#giveBack()
    const { handle } = this.#channel
    const until = performance.now() + timeout
    for (;;) {
      const left = until - performance.now()
      const taken = this.#took(binding.blockChannelReceive(handle, Math.max(0, left)))
      if (taken) return taken.value
      if (left <= 0) {
        binding.cancelChannelReceive(handle)
        throw timeoutError('receiveSync()', timeout)
      }
    }
  }

  /** The next item of an iteration. */
  next(owner: object, iteration: object): Promise<IteratorResult<unknown, undefined>> {
    let looked = false
    // A turn that is due is given before the item is handed over, which then is not lost if it never comes.
    if (turnIsDue()) {
      this.#breathe()
    } else if (this.#waiting.size === 0) {
      const next = this.#handOver()
      if (next) return Promise.resolve(next)
      flush()
      this.#adapt()
      try {
        const result = this.#takeAhead()
        if (result) return Promise.resolve(result)
      } catch (error) {
        return refusedInTurn(error)
      }
      looked = true
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        owner,
        attempt: () => {
          const next = this.#handOver()
          if (next) {
            resolve(next)
            return true
          }
          const result = this.#takeAhead()
          this.#slept = true
          if (result) resolve(result)
          return result !== undefined
        },
        reject,
        iteration,
        end: () => resolve(END),
      }
      this.#enter(waiting)
      if (!looked) this.itemsReady()
    })
  }

  /** An iteration was left: its waits end, and what it took ahead goes back. */
  leave(iteration: object): void {
    for (const waiting of this.#waiting) {
      if (waiting.iteration !== iteration) continue
      this.#withdraw(waiting)
      waiting.end?.()
    }
    this.#giveBack()
  }

  /** Rejects what waits for `owner`, which is disposed of. What its loops took ahead goes back. */
  rejectAll(owner: object, error: Error): void {
    for (const waiting of this.#waiting) {
      if (waiting.owner !== owner) continue
      this.#withdraw(waiting)
      waiting.reject(error)
    }
    this.#giveBack()
  }

  /** Someone else here wants items: what was taken ahead goes back to the front. */
  makeWay(): void {
    this.#giveBack()
  }

  /** There may be items: those who wait try in their order. */
  itemsReady(): void {
    if (this.#breathing) return
    for (const waiting of this.#waiting) {
      if (!this.#attempt(waiting)) return
      this.#drop(waiting)
    }
  }

  /** Whether its wait is over: an item that can't be read ends it too, and no other. */
  #attempt(waiting: Waiting): boolean {
    try {
      return waiting.attempt()
    } catch (error) {
      waiting.reject(error)
      return true
    }
  }

  /** The room of what was handed over is free for others. */
  endTurn(): void {
    if (!this.#claims.untold) return
    this.#claims.untold = false
    binding.tellChannelClaims(this.#channel.handle)
  }

  /** What was taken ahead and not handed over goes back to the front. */
  #giveBack(): void {
    if (this.#position < this.#items.length) {
      // A loop that lets others take its items is no quick one.
      this.#ahead = Math.max(1, this.#ahead >> 1)
      this.#forget()
      binding.giveChannelItemsBack(this.#channel.handle)
    } else this.endTurn()
  }

  #forget(): void {
    this.#items = []
    this.#position = 0
  }

  /** Waits for what `attempt` gives, behind all who wait already. */
  #wait<V>(
    name: string,
    options: WaitOptions | undefined,
    owner: object,
    attempt: (wait: boolean, resolve: (value: V) => void, reject: (error: unknown) => void) => boolean,
  ): Promise<V> {
    try {
      const limits = options === undefined ? NO_LIMIT : checkWait(options)
      if (limits.signal?.aborted) return refusedInTurn(limits.signal.reason)
      checkAttached(this.#channel, name)
      // What is staged may be all there is to receive.
      flush()
      this.#giveBack()
      if (this.#waiting.size === 0) {
        let outcome: Promise<V> | undefined
        const mayWait = limits.timeout !== 0
        attempt(
          mayWait,
          (value) => {
            outcome = inTurn(value)
          },
          (error) => {
            outcome = refusedInTurn(error)
          },
        )
        if (outcome) return outcome
      }
      if (limits.timeout === 0) return refusedInTurn(timeoutError(name, 0))
      return this.#queue(name, limits, owner, attempt)
    } catch (error) {
      return refusedInTurn(error)
    }
  }

  #queue<V>(
    name: string,
    limits: WaitOptions,
    owner: object,
    attempt: (wait: boolean, resolve: (value: V) => void, reject: (error: unknown) => void) => boolean,
  ): Promise<V> {
    let waiting: Waiting | undefined
    return waitFor<V>(
      {
        name,
        begin: (resolve, reject) => {
          const entry: Waiting = { owner, attempt: () => attempt(true, resolve, reject), reject }
          waiting = entry
          this.#enter(entry)
        },
        cancel: (reason) => {
          if (!waiting || !this.#waiting.has(waiting)) return undefined
          this.#withdraw(waiting)
          return { reason }
        },
      },
      limits,
    )
  }

  #enter(waiting: Waiting): void {
    hold()
    this.#waiting.add(waiting)
  }

  #drop(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) release()
  }

  #withdraw(waiting: Waiting): void {
    this.#drop(waiting)
    // The native place is given up, unless someone else here waits.
    if (this.#waiting.size === 0) binding.restChannel(this.#channel.handle)
  }

  /** Lets a macrotask run before the next item is handed over. */
  #breathe(): void {
    if (this.#breathing) return
    this.#breathing = true
    inNextTurn(() => {
      this.#breathing = false
      this.itemsReady()
    })
  }

  /** The next item of those that were taken ahead, unless there is none, or others took it away. */
  #handOver(): IteratorYieldResult<unknown> | undefined {
    if (this.#position === this.#items.length) return undefined
    if (!this.#claims.claim()) {
      this.#forget()
      return undefined
    }
    const value = this.#items[this.#position]
    this.#items[this.#position++] = undefined
    return { done: false, value }
  }

  /** Takes the next items and hands the first over. Undefined where there are none: an event comes when there may be some. */
  #takeAhead(): IteratorResult<unknown, undefined> | undefined {
    const { handle } = this.#channel
    const alone = this.#ahead === 1
    if (alone) this.endTurn()
    this.#forget()
    if (!alone && !this.#claims.attached) {
      this.#claims.attached = true
      binding.claimChannelItems(handle, this.#claims.word)
    }
    const count = alone
      ? binding.takeChannelItems(handle, 1, true)
      : binding.takeChannelItemsAhead(handle, this.#ahead, true)
    if (count > 0) {
      this.#takenAt = performance.now()
      this.#taken = count
      this.#slept = false
      const items = this.#decode(count)
      if (alone) return { done: false, value: items[0] }
      this.#items = items
      atTurnEnd(this)
      return this.#handOver() ?? this.#takeAhead()
    }
    if (count === Take.Ended) return END
    if (count === Take.Aborted) throw this.#channel.abortedError()
    return undefined
  }

  /** Takes more at once the sooner the loop is through with what it has, and less where it waits for each item. */
  #adapt(): void {
    if (this.#takenAt === 0) return
    const quick = performance.now() - this.#takenAt < QUICK
    const more = quick && !(this.#slept && this.#taken === 1)
    this.#ahead = more ? Math.min(this.#ahead * 2, this.#maxAhead) : Math.max(1, this.#ahead >> 1)
    this.#takenAt = 0
  }

  /** Up to `max` items, or why there are none. */
  #takeMany(max: number, wait: boolean): unknown[] | number {
    const { handle } = this.#channel
    const count = binding.takeChannelItems(handle, Math.min(max, CHUNK_ITEMS), wait)
    if (count <= 0) return count
    const items = this.#decode(count)
    // Items that don't go together, or large ones, come in several chunks.
    while (this.#chunk.hasMore && items.length < max && !turnIsDue()) {
      const more = binding.takeChannelItems(handle, Math.min(max - items.length, CHUNK_ITEMS), false)
      if (more <= 0) break
      for (const item of this.#decode(more)) items.push(item)
    }
    return items
  }

  #took(count: number): { value: unknown } | undefined {
    if (count > 0) return { value: this.#decode(count)[0] }
    if (count === Take.Ended) throw this.#channel.endError()
    if (count === Take.Aborted) throw this.#channel.abortedError()
    return undefined
  }

  #ended(take: number, ended: () => void, aborted: (error: unknown) => void): void {
    if (take === Take.Ended) ended()
    else if (take === Take.Aborted) aborted(this.#channel.abortedError())
  }

  #decode(count: number): unknown[] {
    const { handle } = this.#channel
    const own: unknown[] = new Array(count)
    const items = this.#chunk.decode(count, () => binding.takeLargeChannelItems(handle), own)
    // Numbers lie in the chunk, which is used again.
    if (items !== own) for (let index = 0; index < count; index++) own[index] = items[index]
    return own
  }
}
