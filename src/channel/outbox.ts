/** Sends of this environment into a channel: on credit where there is room, natively queued where there is none. */

import { performance } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'
import { Admission, type NativeLabel, SendMode, STILL_WAITING } from '../binding.js'
import {
  type EncodedBlobs,
  type EncodedItem,
  type EncodedItems,
  encodeItem,
  encodeItems,
} from '../codec/encode.js'
import { Kind } from '../codec/kind.js'
import { largeOf } from '../codec/large.js'
import { warnOfCrowd } from '../crowd.js'
import { tellDropped } from '../dropped.js'
import { cancelSend, listenToSend } from '../environment.js'
import { FullError, InvalidOptionError } from '../errors.js'
import { ourError } from '../failure.js'
import { binding } from '../native.js'
import { type OnDrop, type Overflow, rejectedError } from '../overflow.js'
import { doneInTurn, refusedInTurn } from '../turn.js'
import {
  type SendOptions,
  throwIfAborted,
  timeoutError,
  type WaitOptions,
  waitFor,
  withAccepted,
} from '../wait.js'
import { mayBlock } from './blocking.js'
import { checkAttached } from './detached.js'
import { LoneSends } from './lone-sends.js'
import { QueuedSends } from './queued-sends.js'
import {
  type CheckedSend,
  checkSend,
  checkTrySend,
  type ItemSendOptions,
  type MarkOptions,
} from './send-options.js'
import { Staged } from './staged.js'
import { atTurnEnd, endTurnNow, type TurnEnd } from './turn-end.js'

/** What an outbox needs to know of its channel. */
export interface OutboxChannel {
  readonly handle: number
  readonly capacity: number
  readonly maxWaiting: number
  readonly overflow: Overflow
  readonly priorities: number
  /** Whether its last handle here was disposed of. */
  readonly ended: boolean
  /** Why nothing is admitted any more. */
  refusal(admission: number): Error
}

/** Makes the error of a send from the reason of its end, and how many of its items were accepted before. */
type Blame = (reason: unknown, accepted: number) => unknown

const plain: Blame = (reason) => reason
const NO_LIMIT: CheckedSend = {}
const ALL_NUMBERS = Uint8Array.of(Kind.Number)
/** How many permits to hold ahead at first. One native call then serves so many sends. */
const CREDIT = 32
/** The most of them, for a sender that uses up what it takes. */
const MAX_CREDIT = 128
/** How many sends without room leave together at most. */
const MAX_QUEUED = 256
/** A number that leaves by itself. */
const single = new Float64Array(1)

/**
 * Most sends make no native call: a permit held ahead admits the item, which is staged. What is staged leaves when the
 * credit is used up, before any call that might depend on it, and at the end of the turn at the latest. Sends that find
 * no room are staged behind, and wait natively from then on. Invariant: there is no credit while an earlier send of this
 * environment waits.
 */
export class Outbox implements TurnEnd {
  readonly sends = true
  readonly #channel: OutboxChannel
  readonly #staged = new Staged()
  /** How many permits to take next: a part of the room that nobody else misses for a turn. */
  #want: number
  /** The most to take: others find room in the rest. */
  readonly #maxWant: number
  /** Permits held, for which nothing is staged yet. */
  #credit = 0
  /** The last of those that are staged, for which there is no permit. */
  #queued: QueuedSends | undefined
  /** Sends that wait natively. */
  #waiting = 0
  readonly #lone = new LoneSends()
  /** Who each send that waits was called on: that object is not collected meanwhile. */
  readonly #owners = new Map<number, object>()
  /** Who is told of what the sends drop that were called on an object. */
  readonly #onDrops = new WeakMap<object, OnDrop<unknown>>()

  constructor(channel: OutboxChannel) {
    this.#channel = channel
    this.#maxWant = Math.max(1, Math.min(MAX_CREDIT, channel.capacity >> 2))
    this.#want = Math.min(CREDIT, this.#maxWant)
  }

  /** Tells `onDrop` of what sends of `owner` drop. */
  watchDrops(owner: object, onDrop: OnDrop<never>): void {
    this.#onDrops.set(owner, onDrop as OnDrop<unknown>)
    binding.wantChannelDropped(this.#channel.handle)
  }

  /** @param owner - is kept alive while the send waits */
  send(item: unknown, options: ItemSendOptions | undefined, owner: object): Promise<void> {
    return this.admit(item, options, owner) ?? doneInTurn()
  }

  /** As `send`, but gives nothing to wait for where the item was admitted at once: for callers that let turns end. */
  admit(item: unknown, options: ItemSendOptions | undefined, owner: object): Promise<void> | undefined {
    try {
      const limits = options === undefined ? NO_LIMIT : checkSend(options, this.#channel.priorities)
      if (limits.signal?.aborted) return refusedInTurn(limits.signal.reason)
      if (options !== undefined) checkAttached(this.#channel, 'send()')
      if (typeof item === 'number' && this.#mayLeave(limits)) return this.#sendNumber(item, owner)
      this.#lone.sent()
      if (!this.#mayStage(item, limits)) return this.#sendNow(this.#encodeFirst(item), limits, owner)
      // Staging may run code of the item's, which may send: credit is looked at afterwards.
      this.#staged.push(item)
      if (this.#credit === 0) return this.#queue(owner)
      this.#credit--
      if (this.#staged.isHeavy) this.endTurn()
      return undefined
    } catch (error) {
      return refusedInTurn(ourError(error))
    }
  }

  sendMany(items: readonly unknown[], options: ItemSendOptions | undefined, owner: object): Promise<void> {
    try {
      return this.#sendMany(items, options, owner)
    } catch (error) {
      return refusedInTurn(ourError(error))
    }
  }

  // No async function: one that returns a promise is two more turns of the microtasks away from its end.
  #sendMany(items: readonly unknown[], options: ItemSendOptions | undefined, owner: object): Promise<void> {
    if (!Array.isArray(items)) throw new InvalidOptionError('items', 'an array', items)
    const limits = options === undefined ? NO_LIMIT : checkSend(options, this.#channel.priorities)
    if (limits.label?.id !== undefined) {
      throw new InvalidOptionError('id', 'none for several items', limits.label.id)
    }
    if (limits.signal?.aborted) throw withAccepted(limits.signal.reason, 0)
    this.endTurn()
    let encoded = (limits.label === undefined && largeOf(items)) || encodeItems(items)
    checkAttached(this.#channel, 'sendMany()')
    if (this.#credit > 0 || this.#queued || this.#staged.count > 0) {
      // Encoding ran code of an item's that sent. Its item goes first, and to encode that spoils what is encoded here.
      encoded = structuredClone(encoded)
      this.endTurn()
    }
    if (this.#channel.overflow !== 'wait') {
      const admission = this.#sendItems(encoded, limits.label, SendMode.Offer)
      return this.#offered('sendMany()', admission, limits, withAccepted, owner) ?? doneInTurn()
    }
    const admission = this.#sendItems(encoded, limits.label, SendMode.Wait)
    if (admission > 0) {
      const accepted = this.#mayWait(limits, 1) ? null : cancelSend(admission)
      if (accepted === null) return this.#wait('sendMany()', admission, limits, withAccepted, owner)
      throw withAccepted(this.#refusal('sendMany()', Admission.Full, limits), accepted)
    }
    if (admission !== Admission.Admitted) throw withAccepted(this.#channel.refusal(admission), 0)
    return doneInTurn()
  }

  trySend(item: unknown, options: MarkOptions | undefined): boolean {
    const label = options === undefined ? undefined : checkTrySend(options, this.#channel.priorities)
    const admission = this.#encodeAndSend('trySend()', item, SendMode.Try, label)
    if (admission === Admission.Full) return false
    if (admission !== Admission.Admitted) throw this.#channel.refusal(admission)
    return true
  }

  sendSync(item: unknown, options: (WaitOptions & MarkOptions) | undefined = NO_LIMIT, owner: object): void {
    const checked = checkSend(options, this.#channel.priorities)
    const { signal, timeout = Number.POSITIVE_INFINITY, label } = checked
    mayBlock('sendSync()', isMainThread)
    throwIfAborted(signal)
    // What blocks the thread holds up everything that it has staged, so all of it goes first.
    endTurnNow()
    if (this.#channel.overflow !== 'wait') {
      const admission = this.#tellDropped(
        this.#encodeAndSend('sendSync()', item, SendMode.Offer, label),
        owner,
      )
      if (admission === Admission.Rejected) throw rejectedError('sendSync()')
      if (admission !== Admission.Admitted) throw this.#channel.refusal(admission)
      return
    }
    const mayWait = this.#mayWait(checked, 0)
    const mode = mayWait ? SendMode.Block : SendMode.Try
    let admission = this.#encodeAndSend('sendSync()', item, mode, label)
    if (admission === STILL_WAITING) admission = this.#block(timeout)
    if (admission === Admission.Full)
      throw mayWait ? timeoutError('sendSync()', timeout) : this.#refusal('sendSync()', admission, checked)
    if (admission !== Admission.Admitted) throw this.#channel.refusal(admission)
  }

  /** Sends what is staged and gives back what is left of the credit. */
  endTurn(): void {
    this.#lone.endTurn()
    if (this.#queued) this.#sendQueued(this.#queued)
    else if (this.#staged.count > 0) this.#spend(0)
    else if (this.#credit > 0) binding.takeChannelCredit(this.#channel.handle, 0)
    // A sender that takes its time keeps no more from others than it needs.
    if (this.#credit > this.#want >> 1 && this.#want > CREDIT) this.#want = Math.max(CREDIT, this.#want >> 1)
    this.#credit = 0
  }

  /** Whether an item may leave by itself: nothing is before it, and it may wait for room. */
  #mayLeave(limits: CheckedSend): boolean {
    const { overflow, maxWaiting } = this.#channel
    if (limits !== NO_LIMIT || overflow !== 'wait' || maxWaiting !== Number.POSITIVE_INFINITY) return false
    return this.#credit === 0 && this.#waiting === 0 && !this.#queued && this.#lone.mayLeave()
  }

  #sendNumber(item: number, owner: object): Promise<void> | undefined {
    this.#lone.left()
    single[0] = item
    const admission = binding.sendChannelNumbers(this.#channel.handle, single, SendMode.Wait)
    if (admission > 0) return this.#wait('send()', admission, NO_LIMIT, plain, owner)
    if (admission !== Admission.Admitted) return refusedInTurn(this.#channel.refusal(admission))
    return undefined
  }

  /** Whether `item` is to leave with others: on credit, or to wait for room. */
  #mayStage(item: unknown, limits: CheckedSend): boolean {
    // Room that is held ahead holds no item that could be dropped, and what goes together can't be cancelled by itself.
    const { overflow, maxWaiting } = this.#channel
    if (overflow !== 'wait' || limits.label || this.#staged.isBusy || !Staged.accepts(item)) return false
    if (this.#credit > 0) return true
    const mayQueue = limits === NO_LIMIT && maxWaiting === Number.POSITIVE_INFINITY
    // Earlier sends wait, for all that is known here.
    if (this.#queued || this.#waiting > 0) return mayQueue
    const credit = this.#renew()
    return credit > 0 || (credit === 0 && mayQueue)
  }

  /** Takes credit; what is staged has used up the last. How much there is now, or an `Admission`. */
  #renew(): number {
    const { handle } = this.#channel
    const usedUp = this.#staged.count > 0
    if (usedUp) this.#want = Math.min(2 * this.#want, this.#maxWant)
    const credit = usedUp ? this.#spend(this.#want) : binding.takeChannelCredit(handle, this.#want)
    if (credit > 0) {
      this.#credit = credit
      atTurnEnd(this)
    }
    return credit
  }

  /** Lets the item that was staged last wait for room. */
  #queue(owner: object): Promise<void> {
    if (this.#channel.ended) this.#staged.take()
    checkAttached(this.#channel, 'send()')
    this.#queued ??= new QueuedSends()
    const queued = this.#queued
    const promise = queued.add(owner)
    if (queued.waiting === 1) atTurnEnd(this)
    if (queued.waiting === MAX_QUEUED || this.#staged.isHeavy) this.endTurn()
    return promise
  }

  /** Sends all that is staged, of which `queued` are the last. */
  #sendQueued(queued: QueuedSends): void {
    this.#queued = undefined
    const { handle } = this.#channel
    const credited = this.#staged.count - queued.waiting
    const items = this.#staged.take()
    let admission: number
    if (items instanceof Float64Array) admission = binding.sendChannelNumbersEach(handle, items, credited)
    else {
      const { kinds, ends, bytes, length } = items
      admission = binding.sendChannelBlobsEach(handle, kinds, ends, bytes, length, credited)
    }
    if (admission === Admission.Admitted) queued.accept(queued.waiting)
    else if (admission < 0) queued.refuse(this.#channel.refusal(admission))
    else this.#awaitRoom(admission, queued)
  }

  #awaitRoom(send: number, queued: QueuedSends): void {
    const count = queued.waiting
    this.#waiting += count
    warnOfCrowd(this.#waiting, this.#channel)
    listenToSend(send, (admission, accepted) => {
      this.#waiting -= queued.accept(admission === Admission.Admitted ? count : accepted)
      if (admission === Admission.Moving) return
      this.#waiting -= queued.waiting
      if (queued.waiting > 0) queued.refuse(this.#channel.refusal(admission))
    })
  }

  /** Sends what is staged, then takes credit for `want` more. */
  #spend(want: number): number {
    const { handle } = this.#channel
    const items = this.#staged.take()
    if (items instanceof Float64Array) return binding.spendChannelNumbers(handle, items, want)
    return binding.spendChannelBlobs(handle, items.kinds, items.ends, items.bytes, items.length, want)
  }

  #sendNow(item: EncodedItem, limits: CheckedSend, owner: object): Promise<void> | undefined {
    checkAttached(this.#channel, 'send()')
    this.endTurn()
    if (this.#channel.overflow !== 'wait') {
      const outcome = this.#sendItem(item, SendMode.Offer, limits.label)
      return this.#offered('send()', outcome, limits, plain, owner)
    }
    const mode = this.#mayWait(limits, 0) ? SendMode.Wait : SendMode.Try
    const admission = this.#sendItem(item, mode, limits.label)
    if (admission > 0) return this.#wait('send()', admission, limits, plain, owner)
    if (admission !== Admission.Admitted) return refusedInTurn(this.#refusal('send()', admission, limits))
    return undefined
  }

  /** Sends `item` after everything that is staged. */
  #encodeAndSend(name: string, item: unknown, mode: number, label: NativeLabel | undefined): number {
    const encoded = this.#encodeFirst(item)
    checkAttached(this.#channel, name)
    this.endTurn()
    try {
      return this.#sendItem(encoded, mode, label)
    } catch (error) {
      throw ourError(error)
    }
  }

  /** What came of an offer, which never waits; one that was accepted in part tells so by an event. */
  #offered(
    name: string,
    outcome: number,
    limits: SendOptions,
    blame: Blame,
    owner: object,
  ): Promise<void> | undefined {
    const admission = this.#tellDropped(outcome, owner)
    if (admission === Admission.Admitted) return undefined
    if (admission > 0) return this.#wait(name, admission, limits, blame, owner)
    const reason = admission === Admission.Rejected ? rejectedError(name) : this.#channel.refusal(admission)
    return refusedInTurn(blame(reason, 0))
  }

  /** Tells of what an offer dropped, and gives what came of the offer itself. */
  #tellDropped(admission: number, owner: object): number {
    if (admission === Admission.Admitted) return admission
    const onDrop = this.#onDrops.get(owner)
    const dropped = binding.takeChannelDropped(this.#channel.handle)
    if (onDrop) tellDropped(onDrop, dropped)
    return admission === Admission.Overflowed ? Admission.Admitted : admission
  }

  /** `item`, encoded so that what is staged can be sent before it. */
  #encodeFirst(item: unknown): EncodedItem {
    return this.#staged.protected(encodeItem(item, 'item'), item)
  }

  #sendItem({ kind, bytes, length }: EncodedItem, mode: number, label?: NativeLabel): number {
    return this.#sendBlobs(
      { kinds: Uint8Array.of(kind), ends: Uint32Array.of(length), bytes, length },
      mode,
      label,
    )
  }

  #sendItems(items: EncodedItems | Uint8Array[], label: NativeLabel | undefined, mode: number): number {
    const { handle } = this.#channel
    if (Array.isArray(items)) return binding.sendChannelLarge(handle, items, mode)
    if (!(items instanceof Float64Array)) return this.#sendBlobs(items, mode, label)
    if (label === undefined) return binding.sendChannelNumbers(handle, items, mode)
    const bytes = new Uint8Array(items.buffer, items.byteOffset, items.byteLength)
    const ends = Uint32Array.from(items, (_, index) => 8 * (index + 1))
    return this.#sendBlobs({ kinds: ALL_NUMBERS, ends, bytes, length: bytes.length }, mode, label)
  }

  #sendBlobs(
    { kinds, ends, bytes, length }: EncodedBlobs,
    mode: number,
    label: NativeLabel | undefined,
  ): number {
    const { handle } = this.#channel
    if (label) return binding.sendChannelLabeled(handle, kinds, ends, bytes, length, label, mode)
    return binding.sendChannelBlobs(handle, kinds, ends, bytes, length, mode)
  }

  /** `own`: how many of those that wait natively are the one that asks. */
  #mayWait({ timeout }: SendOptions, own: number): boolean {
    const { handle, maxWaiting } = this.#channel
    if (timeout === 0) return false
    return (
      maxWaiting === Number.POSITIVE_INFINITY || binding.channelStats(handle).waitingSends - own < maxWaiting
    )
  }

  /** Waits for a send that is queued natively; `blame` makes the error of an early end. */
  #wait(name: string, send: number, limits: SendOptions, blame: Blame, owner: object): Promise<void> {
    return waitFor<void>(
      {
        name,
        begin: (resolve, reject) => this.#listen(send, resolve, reject, blame, owner),
        cancel: (reason) => {
          const accepted = cancelSend(send)
          if (accepted === null) return undefined
          this.#forget(send)
          return { reason: blame(reason, accepted) }
        },
      },
      limits,
    )
  }

  #listen(
    send: number,
    resolve: () => void,
    reject: (error: unknown) => void,
    blame: Blame,
    owner: object,
  ): void {
    this.#owners.set(send, owner)
    this.#waiting++
    warnOfCrowd(this.#waiting, this.#channel)
    listenToSend(send, (admission, accepted) => {
      this.#forget(send)
      if (admission === Admission.Admitted) resolve()
      else reject(blame(this.#channel.refusal(admission), accepted))
    })
  }

  #forget(send: number): void {
    this.#owners.delete(send)
    this.#waiting--
  }

  #block(timeout: number): number {
    const { handle } = this.#channel
    const until = performance.now() + timeout
    for (;;) {
      const left = until - performance.now()
      if (left <= 0) return binding.cancelChannelSend(handle)
      const admission = binding.blockChannelSend(handle, left)
      if (admission !== STILL_WAITING) return admission
    }
  }

  #refusal(name: string, admission: number, { timeout }: SendOptions): Error {
    if (admission !== Admission.Full) return this.#channel.refusal(admission)
    if (timeout === 0) return timeoutError(name, 0)
    const { maxWaiting } = this.#channel
    return new FullError(`${name}: expected at most ${maxWaiting} sends to wait for room, got one more`)
  }
}
