/** Sends of this environment into a system's channel. */

import { Admission, type NativeLabel } from './binding.js'
import { checkKey } from './channel/order-options.js'
import { type CheckedSend, checkSend, type ItemSendOptions } from './channel/send-options.js'
import { atTurnEnd, type TurnEnd } from './channel/turn-end.js'
import { type EncodedBlobs, encodeItem, encodeItems, Snapshot } from './codec/encode.js'
import { Kind } from './codec/kind.js'
import { largeOf } from './codec/large.js'
import { warnOfCrowd } from './crowd.js'
import { tellDropped } from './dropped.js'
import { cancelSend, listenToSend } from './environment.js'
import { FullError, InvalidOptionError } from './errors.js'
import { ourError } from './failure.js'
import { binding } from './native.js'
import { type OnDrop, type Overflow, rejectedError } from './overflow.js'
import type { Runs } from './runs.js'
import { doneInTurn, inNextTurn, refusedInTurn, turnIsDue } from './turn.js'
import { type SendOptions, timeoutError, waitFor, withAccepted } from './wait.js'

/** What a sender needs to know of its system. */
export interface SenderSystem {
  readonly handle: number
  readonly capacity: number
  readonly maxWaiting: number
  /** Whether sends wait for room. Natively known, too. */
  readonly overflow: Overflow
  /** Told of what sends drop. */
  readonly onDrop: OnDrop<never> | undefined
  /** 0 for none. */
  readonly priorities: number
  /** Whether its handler settles many items at once, so that keys would mean nothing. */
  readonly refusesKeys: boolean
  /** Something was admitted, or waits for that. */
  sent(): void
  /** Reports hand-overs that the channel does not know of yet; whether there were any. */
  flush(): boolean
  /** Why nothing is admitted any more. */
  refusal(admission: number): Error
}

/** Makes the error of a send from the reason of its end, and how many of its items were accepted before. */
type Blame = (reason: unknown, accepted: number) => unknown

const plain: Blame = (reason) => reason

/** Counts the sends that wait. */
export interface WaitCount {
  enter(): void
  leave(): void
}

/** What goes with items beside their values: the same for all of them, and their keys, where each has its own. */
export interface Marks {
  label: NativeLabel
  keys: (string | undefined)[]
}

const NO_LIMIT: CheckedSend = {}
const NO_KEYS: (string | undefined)[] = []
const ALL_NUMBERS = Uint8Array.of(Kind.Number)
/** The most items of `run` that travel together. */
const STAGED_MAX = 64

export class Sender<T, R> implements TurnEnd {
  readonly sends = true
  readonly #system: SenderSystem
  readonly #runs: Runs<R>
  #waiting = 0
  /** What `run` was called with in this turn and that is not sent yet; tags count up from the first. */
  #staged: unknown[] = []
  #firstTag = 0
  readonly #keyOf: ((item: T) => string | undefined) | undefined

  /** @param keyOf - gives the keys of items that come without one */
  constructor(system: SenderSystem, runs: Runs<R>, keyOf?: (item: T) => string | undefined) {
    this.#system = system
    this.#runs = runs
    this.#keyOf = keyOf
  }

  /** @throws where the system takes no more items, or where `item` can't travel */
  trySend(item: T, options?: ItemSendOptions): boolean {
    return this.trySendChecked(item, this.check(options))
  }

  trySendChecked(item: T, limits: CheckedSend): boolean {
    const marks = this.#marks(limits, item)
    this.flush()
    const admission = this.#admit(item, 0, false, marks)
    if (admission === Admission.Full) return false
    if (admission !== Admission.Admitted) throw this.#system.refusal(admission)
    this.#system.sent()
    return true
  }

  send(item: T, options?: ItemSendOptions): Promise<void> {
    try {
      return this.sendChecked(item, this.check(options))
    } catch (error) {
      return refusedInTurn(error)
    }
  }

  /** @param waits - told when the send has to wait, and when it no longer does */
  sendChecked(item: T, limits: CheckedSend, waits?: WaitCount): Promise<void> {
    this.flush()
    try {
      if (limits.signal?.aborted) return refusedInTurn(limits.signal.reason)
      const marks = this.#marks(limits, item)
      const admission = this.#admit(item, 0, this.#mayWait(limits), marks)
      if (admission > 0) {
        const waiting = this.#wait('send()', admission, limits, plain)
        return waits === undefined ? waiting : counted(waiting, waits)
      }
      if (admission !== Admission.Admitted) return refusedInTurn(this.#refusal('send()', admission, limits))
      this.#system.sent()
      return doneInTurn()
    } catch (error) {
      return refusedInTurn(error)
    }
  }

  async sendMany(items: readonly T[], options?: ItemSendOptions): Promise<void> {
    if (!Array.isArray(items)) throw new InvalidOptionError('items', 'an array', items)
    const limits = this.check(options)
    if (limits.label?.id !== undefined)
      throw new InvalidOptionError('id', 'none for several items', limits.label.id)
    if (limits.signal?.aborted) throw withAccepted(limits.signal.reason, 0)
    if (items.length === 0) return doneInTurn()
    // A copy, so that code that runs for one of them can't change which they are. An array may be a class of its own, too.
    const all: readonly T[] = this.#keyOf
      ? Array.from({ length: items.length }, (_, index) => items[index] as T)
      : items
    const marks = this.#marksOfMany(limits, all)
    this.flush()
    const admission = this.#sendBatch(all, 0, false, marks)
    if (admission > 0) {
      const accepted = this.#mayWait(limits) ? null : cancelSend(admission)
      if (accepted === null) return this.#wait('sendMany()', admission, limits, withAccepted)
      if (accepted > 0) this.#system.sent()
      return refusedInTurn(withAccepted(this.#refusal('sendMany()', Admission.Full, limits), accepted))
    }
    if (admission !== Admission.Admitted)
      return refusedInTurn(withAccepted(this.#refusal('sendMany()', admission, limits), 0))
    this.#system.sent()
    return doneInTurn()
  }

  run(item: T, options?: ItemSendOptions): Promise<R> {
    // One that can be cancelled is on record by itself, and so is one that may be refused for the number of others.
    if (options !== undefined || this.#system.maxWaiting !== Infinity || this.#keyOf !== undefined)
      return this.#runAlone(item, options)
    try {
      return this.#stageRun(item)
    } catch (error) {
      return refusedInTurn(error)
    }
  }

  /** Sends what is staged. To be called before anything that must come after it. */
  flush(): void {
    const items = this.#staged
    if (items.length === 0) return
    this.#staged = []
    const first = this.#firstTag
    const refuse = (reason: unknown, accepted = 0): void => {
      const rejectAll = (): void => {
        for (let tag = first + accepted; tag < first + items.length; tag++) this.#runs.reject(tag, reason)
      }
      if (turnIsDue()) inNextTurn(rejectAll)
      else rejectAll()
    }
    let admission: number
    try {
      admission = this.#sendBatch(items, first, false)
    } catch (error) {
      refuse(error)
      return
    }
    if (admission > 0) {
      const refused = (refusal: unknown): void => {
        const { reason, accepted } = refusal as { reason: unknown; accepted: number }
        // Unless all is over, what was accepted goes its way.
        refuse(reason, reason instanceof FullError ? accepted : 0)
      }
      this.#listen(
        admission,
        () => {},
        refused,
        (reason, accepted) => ({ reason, accepted }),
      )
    } else if (admission === Admission.Admitted) this.#system.sent()
    else refuse(this.#refusal('run()', admission, {}))
  }

  endTurn(): void {
    this.flush()
  }

  #stageRun(item: T): Promise<R> {
    const snapshot = Snapshot.of(item, 'item')
    // Another may have taken a tag since, where code of an item's or of options called this in between.
    while (this.#staged.length > 0 && !this.#runs.isNext(this.#firstTag + this.#staged.length)) this.flush()
    const tag = this.#runs.nextTag()
    if (this.#staged.push(snapshot) === 1) {
      this.#firstTag = tag
      atTurnEnd(this)
    }
    const outcome = this.#runs.start(tag)
    if (this.#staged.length === STAGED_MAX) this.flush()
    return outcome
  }

  async #runAlone(item: T, options: ItemSendOptions | undefined): Promise<R> {
    const limits = this.check(options)
    if (limits.signal?.aborted) throw limits.signal.reason
    const marks = this.#marks(limits, item)
    this.flush()
    const tag = this.#runs.nextTag()
    const admission = this.#admit(item, tag, this.#mayWait({}), marks)
    if (admission < 0) return refusedInTurn(this.#refusal('run()', admission, {}))
    if (admission === Admission.Admitted) this.#system.sent()
    return waitFor<R>(
      {
        name: 'run()',
        begin: (resolve, reject) => {
          this.#runs.add(tag, resolve, reject)
          if (admission <= 0) return
          const refused = (error: unknown): void => this.#runs.reject(tag, error)
          this.#listen(admission, () => {}, refused, plain)
        },
        cancel: (reason) => {
          this.#runs.forget(tag)
          if (admission > 0) this.#cancel(admission)
          return { reason }
        },
      },
      limits,
    )
  }

  /** Sends all of `items` for a source; see `PullTarget.send`. */
  sendPulled(items: readonly unknown[], done: (more: boolean) => void, marks?: Marks): boolean {
    const admission = this.#sendBatch(items, 0, true, marks)
    if (admission === Admission.Admitted) {
      this.#system.sent()
      return false
    }
    if (admission > 0) listenToSend(admission, (outcome) => done(outcome === Admission.Admitted))
    else process.nextTick(done, false)
    return true
  }

  /**
   * The options of a send, each read once.
   *
   * @throws {InvalidOptionError}
   */
  check(options: ItemSendOptions | undefined): CheckedSend {
    if (options === undefined) return NO_LIMIT
    const checked = checkSend(options, this.#system.priorities)
    const key = checked.label?.key
    if (key !== undefined && this.#system.refusesKeys) {
      const hint = 'with a handler that is a function, make the system with `key` or `priorities`'
      throw new InvalidOptionError('key', 'none for a system made without keys', key, hint)
    }
    return checked
  }

  #marks({ label }: CheckedSend, item: T): Marks | undefined {
    const key = label?.key === undefined && this.#keyOf ? checkKey(this.#keyOf(item)) : undefined
    if (key !== undefined) return { label: { ...label, key }, keys: NO_KEYS }
    return label && { label, keys: NO_KEYS }
  }

  #marksOfMany({ label }: CheckedSend, items: readonly T[]): Marks | undefined {
    const keyOf = this.#keyOf
    if (label?.key === undefined && keyOf) {
      return { label: label ?? {}, keys: items.map((item) => checkKey(keyOf(item))) }
    }
    return label && { label, keys: NO_KEYS }
  }

  #sendLabeled(items: EncodedBlobs, tag: number, fromSource: boolean, wait: boolean, marks: Marks): number {
    const { kinds, ends, bytes, length } = items
    const { label, keys } = marks
    const { handle } = this.#system
    return this.#tellDropped(
      binding.sendLabeled(handle, kinds, ends, bytes, length, label, keys, tag, fromSource, wait),
    )
  }

  #sendBatch(items: readonly unknown[], firstTag: number, fromSource: boolean, marks?: Marks): number {
    try {
      if (!fromSource) this.#system.flush()
      return this.#encodeAndSend(items, firstTag, fromSource, marks)
    } catch (error) {
      throw ourError(error)
    }
  }

  #encodeAndSend(items: readonly unknown[], firstTag: number, fromSource: boolean, marks?: Marks): number {
    const { handle } = this.#system
    const large = marks ? undefined : largeOf(items)
    if (large) return this.#tellDropped(binding.sendLarge(handle, large, firstTag, fromSource))
    const encoded = encodeItems(items, true)
    if (marks) return this.#sendLabeled(blobsOf(encoded), firstTag, fromSource, true, marks)
    if (encoded instanceof Float64Array) {
      return this.#tellDropped(binding.sendNumbers(handle, encoded, firstTag, fromSource))
    }
    const { kinds, ends, bytes, length } = encoded
    return this.#tellDropped(binding.sendBlobs(handle, kinds, ends, bytes, length, firstTag, fromSource))
  }

  /** Tells of what a send dropped, and gives what came of the send itself. */
  #tellDropped(admission: number): number {
    const { onDrop, handle } = this.#system
    if (onDrop && admission !== Admission.Admitted) tellDropped(onDrop, binding.takeDropped(handle))
    return admission === Admission.Overflowed ? Admission.Admitted : admission
  }

  #admit(item: unknown, tag: number, wait: boolean, marks: Marks | undefined): number {
    // A handler that runs right now has made room that the channel does not know of yet. What is dropped for want of it
    // does not come back.
    if (this.#system.overflow !== 'wait') this.#system.flush()
    const admission = this.#sendOne(item, tag, wait, marks)
    return admission === Admission.Full && this.#system.flush()
      ? this.#sendOne(item, tag, wait, marks)
      : admission
  }

  #sendOne(item: unknown, tag: number, wait: boolean, marks: Marks | undefined): number {
    try {
      return this.#encodeAndSendOne(item, tag, wait, marks)
    } catch (error) {
      throw ourError(error)
    }
  }

  #encodeAndSendOne(item: unknown, tag: number, wait: boolean, marks: Marks | undefined): number {
    const { handle } = this.#system
    if (marks) {
      const { kind, bytes, length } = encodeItem(item, 'item')
      const blobs = { kinds: Uint8Array.of(kind), ends: Uint32Array.of(length), bytes, length }
      return this.#sendLabeled(blobs, tag, false, wait, marks)
    }
    if (typeof item === 'number') return this.#tellDropped(binding.sendNumber(handle, item, tag, wait))
    const { kind, bytes, length } = encodeItem(item, 'item')
    return this.#tellDropped(binding.sendItem(handle, kind, bytes, length, tag, wait))
  }

  #mayWait({ timeout }: SendOptions): boolean {
    // Where sends don't wait, the native side knows what to do.
    if (this.#system.overflow !== 'wait') return true
    return timeout !== 0 && this.#waiting < this.#system.maxWaiting
  }

  /** Waits for a send that is queued natively; `blame` makes the error of an early end. */
  #wait(name: string, send: number, limits: SendOptions, blame: Blame): Promise<void> {
    return waitFor<void>(
      {
        name,
        begin: (resolve, reject) => this.#listen(send, resolve, reject, blame),
        cancel: (reason) => {
          const accepted = this.#cancel(send)
          return accepted === null ? undefined : { reason: blame(reason, accepted) }
        },
      },
      limits,
    )
  }

  #listen(send: number, resolve: () => void, reject: (error: unknown) => void, blame: Blame): void {
    this.#waiting++
    warnOfCrowd(this.#waiting, this.#system)
    this.#system.sent()
    listenToSend(send, (admission, accepted) => {
      this.#waiting--
      if (admission === Admission.Admitted) resolve()
      else reject(blame(this.#refusal('send()', admission, {}), accepted))
    })
  }

  #cancel(send: number): number | null {
    const accepted = cancelSend(send)
    if (accepted === null) return null
    this.#waiting--
    return accepted
  }

  #refusal(name: string, admission: number, { timeout }: SendOptions): Error {
    if (admission === Admission.Rejected) return rejectedError(name)
    if (admission !== Admission.Full) return this.#system.refusal(admission)
    if (timeout === 0) return timeoutError(name, 0)
    return new FullError(
      `${name}: expected at most ${this.#system.maxWaiting} sends to wait for room, got one more`,
    )
  }
}

/** Numbers as the bytes that they are. */
export function blobsOf(items: Float64Array | EncodedBlobs): EncodedBlobs {
  if (!(items instanceof Float64Array)) return items
  const bytes = new Uint8Array(items.buffer, items.byteOffset, items.byteLength)
  const ends = Uint32Array.from(items, (_, index) => 8 * (index + 1))
  return { kinds: ALL_NUMBERS, ends, bytes, length: bytes.length }
}

async function counted(waiting: Promise<void>, waits: WaitCount): Promise<void> {
  waits.enter()
  try {
    await waiting
  } finally {
    waits.leave()
  }
}
