/** This environment's one attachment to a channel, shared by all `Channel` objects that stand for it here. */

import { randomBytes } from 'node:crypto'
import { Admission, type NativeAttachment, type NativeOrder, type NativeToken } from '../binding.js'
import { Chunk } from '../chunk.js'
import { environmentHandle, forgetItems, listenToItems } from '../environment.js'
import { AbortedError, ClosedError, messageOf, StaleTokenError } from '../errors.js'
import { binding } from '../native.js'
import { OVERFLOWS, type Overflow, rejectedError } from '../overflow.js'
import { Inbox } from './inbox.js'
import { Outbox } from './outbox.js'

const attachments = new Map<number, Attachment>()
let chunk: Chunk | undefined

/** One for all: sends of an environment keep their order, whichever object they are called on. */
export class Attachment {
  readonly handle: number
  readonly capacity: number
  readonly maxWaiting: number
  readonly overflow: Overflow
  readonly priorities: number
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly #channel: number
  readonly #id: string
  #users = 1
  #aborted: { message: string; reason: unknown } | undefined

  private constructor(native: NativeAttachment, id: string) {
    const { handle, channel, capacity, maxWaiting, priorities, overflow } = native
    this.handle = handle
    this.capacity = capacity
    this.maxWaiting = maxWaiting
    this.priorities = priorities
    this.overflow = OVERFLOWS[overflow] as Overflow
    this.#channel = channel
    this.#id = id
    this.inbox = new Inbox(this, channelChunk())
    this.outbox = new Outbox(this)
    attachments.set(channel, this)
    listenToItems(handle, this.inbox)
  }

  static create(capacity: number, maxWaiting: number, order: NativeOrder, overflow: Overflow): Attachment {
    const id = randomBytes(16).toString('hex')
    const number = OVERFLOWS.indexOf(overflow)
    const native = binding.createChannel(environmentHandle(), id, capacity, maxWaiting, order, number)
    return new Attachment(native, id)
  }

  /** @throws {StaleTokenError} */
  static attach({ handle, id }: NativeToken): Attachment {
    const known = attachments.get(handle)
    if (known && known.#id === id) {
      known.#users++
      return known
    }
    const native = binding.attachChannel(environmentHandle(), handle, id)
    if (native) return new Attachment(native, id)
    throw new StaleTokenError(
      'token: expected that of a channel that lives, got one whose channel is gone or never was',
    )
  }

  /** Whether no object stands for it any more. */
  get ended(): boolean {
    return this.#users === 0
  }

  /** Sends what is staged, and tells what loops have handed over. */
  endTurn(): void {
    this.outbox.endTurn()
    this.inbox.endTurn()
  }

  /** One object less stands for it. */
  leave(): void {
    if (--this.#users > 0) return
    this.endTurn()
    attachments.delete(this.#channel)
    forgetItems(this.handle)
    binding.detachChannel(this.handle)
  }

  /** Notes why it is about to be aborted; returns what others are to be told. */
  aborting(reason: unknown): string {
    const message = `the channel was aborted${reason === undefined ? '' : `: ${messageOf(reason)}`}`
    this.#aborted ??= { message, reason }
    return message
  }

  /** Why nothing is admitted any more. */
  refusal(admission: number): Error {
    if (admission === Admission.Aborted) return this.abortedError()
    if (admission === Admission.Rejected) return rejectedError('send')
    return new ClosedError('send: expected a channel that is open, got one that was closed')
  }

  endError(): ClosedError {
    return new ClosedError('receive: expected an item, got the end of a channel that was closed')
  }

  abortedError(): AbortedError {
    // The reason itself is known where abort() was called first; the text everywhere.
    const text =
      binding.channelAbortMessage(this.handle) ?? 'the channel was aborted, or no handle of it is left'
    const known = this.#aborted
    return known?.message === text ? new AbortedError(text, { cause: known.reason }) : new AbortedError(text)
  }
}

/** The memory through which items of all channels come in. */
export function channelChunk(): Chunk {
  if (!chunk) {
    chunk = new Chunk()
    binding.attachChunk(environmentHandle(), chunk.memory)
  }
  return chunk
}
