/** Select: of several sends and receives, exactly one happens. */

import { RECEIVES, Select, Selection } from '../binding.js'
import { contentOf, encodeItem } from '../codec/encode.js'
import { environmentHandle, forgetSelect, listenToSelect } from '../environment.js'
import { ClosedError, InvalidOptionError } from '../errors.js'
import { binding } from '../native.js'
import { inTurn, refusedInTurn } from '../turn.js'
import { checkWait, throwIfAborted, timeoutError, type WaitOptions, waitFor } from '../wait.js'
import { type Attachment, channelChunk } from './attachment.js'
import { flush } from './turn-end.js'

/** What a case is on, and where it looks that up when it is used. */
interface Parts {
  /** The object that it was made with, which is not collected while the case is there. */
  readonly channel: object
  /** @throws {DetachedError} */
  readonly attachment: () => Attachment
}

let partsOf: (selected: SelectCase) => Parts
let itemOf: (selected: SendingCase) => unknown

/** A case of a `select`, made by `channel.receiving()` or `channel.sending(item)`. */
export type SelectCase = ReceivingCase<unknown> | SendingCase

class BaseCase {
  readonly #parts: Parts

  static {
    partsOf = (selected) => (selected as BaseCase).#parts
  }

  /** @internal */
  constructor(channel: object, attachment: () => Attachment) {
    this.#parts = { channel, attachment }
  }

  static is(value: unknown): value is SelectCase {
    return typeof value === 'object' && value !== null && #parts in value
  }
}

/** Receives one item: see `channel.receiving()`. */
export class ReceivingCase<T = unknown> extends BaseCase {
  /** Only for types. */
  declare readonly gives: (nothing: never) => T
}

/** Sends one item: see `channel.sending(item)`. */
export class SendingCase extends BaseCase {
  readonly #item: unknown

  static {
    itemOf = (selected) => selected.#item
  }

  /** @internal */
  constructor(channel: object, attachment: () => Attachment, item: unknown) {
    super(channel, attachment)
    this.#item = item
  }
}

/** What happened where a case did: `done` at the end of a closed channel. */
type Happened<I, C> =
  C extends ReceivingCase<infer T>
    ? { index: I; done: false; value: T } | { index: I; done: true; value: undefined }
    : { index: I; done: false; value: undefined }

/**
 * Which of the cases `C` happened. `value` is what a receiving case received. `done` is true where a receiving case came
 * to the end of its channel: it was closed, and all that was in it was received and settled.
 */
export type Selected<C extends readonly SelectCase[]> = number extends C['length']
  ? Happened<number, C[number]>
  : { [K in keyof C]: K extends `${infer I extends number}` ? Happened<I, C[K]> : never }[number]

/** Cases as the native side takes them, and their channels. */
interface Prepared {
  channels: Uint32Array
  kinds: Uint8Array
  ends: Uint32Array
  bytes: Uint8Array
  attachments: Attachment[]
}

interface Pending {
  readonly channels: readonly object[]
  reject(error: Error): void
}

const NO_LIMIT: WaitOptions = {}
const outcome = new Float64Array(2)
const pending = new Set<Pending>()

/**
 * Lets exactly one of `cases` happen, and says which. Waits while none is ready. Where several are, each is as likely as
 * any other. Of the others nothing is left: no item was taken or sent.
 *
 * A receiving case is ready once there is an item, and at the end of a closed channel: `done` is true then. A sending
 * case is ready once there is room, behind the sends of this thread that wait already. What it sends is the value at the
 * moment of this call.
 *
 * Rejects with `ClosedError` where a sending case's channel was closed, even meanwhile, and with `AbortedError` where any
 * case's was aborted: `index` of the error says which. With `TimeoutError` or the signal's reason, with
 * `UncloneableError`, `InvalidOptionError`, or `DetachedError`, where any case's handle is disposed of meanwhile, too.
 * Then no case has happened. One that happens at the very moment of a cancel wins.
 *
 * ```ts
 * const { index, value } = await select([jobs.receiving(), stop.receiving()], { timeout: 1000 })
 * if (index === 0) await handle(value)
 * ```
 */
export function select<const C extends readonly SelectCase[]>(
  cases: C,
  options: WaitOptions = NO_LIMIT,
): Promise<Selected<C>> {
  try {
    return begin(checkCases(cases), checkWait(options)) as Promise<Selected<C>>
  } catch (error) {
    return refusedInTurn(error)
  }
}

/** Rejects the selects that wait with a case on `channel`, which is disposed of. */
export function rejectSelects(channel: object, error: Error): void {
  for (const waiting of pending) if (waiting.channels.includes(channel)) waiting.reject(error)
}

function begin(cases: readonly SelectCase[], limits: WaitOptions): Promise<unknown> {
  throwIfAborted(limits.signal)
  const { channels, kinds, ends, bytes, attachments } = prepare(cases)
  const wait = limits.timeout !== 0
  const number = binding.beginSelect(environmentHandle(), channels, kinds, ends, bytes, wait, outcome)
  if (number === Select.Happened) return inTurn(read(attachments))
  if (number === Select.Nothing) throw timeoutError('select()', 0)
  return waitForOne(number, cases, attachments, limits)
}

/** The cases, each read once: a getter of an item's may change the array. */
function checkCases(cases: readonly unknown[]): readonly SelectCase[] {
  if (!Array.isArray(cases)) throw new InvalidOptionError('cases', 'an array of cases', cases)
  if (cases.length === 0) throw new InvalidOptionError('cases', 'at least one case', cases)
  return Array.from({ length: cases.length }, (_, index) => {
    const selected = cases[index]
    if (BaseCase.is(selected)) return selected as SelectCase
    const expected = 'a case: channel.receiving() or channel.sending(item)'
    throw new InvalidOptionError(`cases[${index}]`, expected, selected)
  })
}

function prepare(cases: readonly SelectCase[]): Prepared {
  const kinds = new Uint8Array(cases.length).fill(RECEIVES)
  const ends = new Uint32Array(cases.length)
  const contents: Uint8Array[] = []
  let end = 0
  // Before anything else: encoding may run code of an item's, which may send or dispose of a channel.
  for (const [index, selected] of cases.entries()) {
    if (selected instanceof SendingCase) {
      const encoded = encodeItem(itemOf(selected), `cases[${index}].item`)
      contents.push(new Uint8Array(contentOf(encoded)))
      kinds[index] = encoded.kind
      end += encoded.length
    }
    ends[index] = end
  }
  const attachments = cases.map((selected) => partsOf(selected).attachment())
  // What is staged may be all there is to receive, or comes before what is sent.
  flush()
  for (const [index, { inbox, outbox }] of attachments.entries()) {
    if (kinds[index] === RECEIVES) inbox.makeWay()
    else outbox.endTurn()
  }
  const channels = Uint32Array.from(attachments, ({ handle }) => handle)
  return {
    channels,
    kinds,
    ends,
    bytes: contents.length === 1 ? (contents[0] as Uint8Array) : Buffer.concat(contents),
    attachments,
  }
}

function waitForOne(
  number: number,
  cases: readonly SelectCase[],
  attachments: readonly Attachment[],
  limits: WaitOptions,
): Promise<unknown> {
  let waiting: Pending | undefined
  const leave = (): void => {
    if (waiting) pending.delete(waiting)
    forgetSelect(number)
  }
  const cancel = (): boolean => {
    if (!binding.cancelSelect(environmentHandle(), number)) return false
    leave()
    return true
  }
  return waitFor<unknown>(
    {
      name: 'select()',
      begin: (resolve, reject) => {
        waiting = {
          channels: cases.map((selected) => partsOf(selected).channel),
          reject: (error) => {
            if (cancel()) reject(error)
          },
        }
        pending.add(waiting)
        listenToSelect(number, () => {
          if (!binding.pollSelect(environmentHandle(), number, outcome)) return
          leave()
          try {
            resolve(read(attachments))
          } catch (error) {
            reject(error)
          }
        })
      },
      cancel: (reason) => (cancel() ? { reason } : undefined),
    },
    limits,
  )
}

/** What happened, as the native side told it. */
function read(attachments: readonly Attachment[]): { index: number; done: boolean; value: unknown } {
  const [index, selection] = outcome as unknown as [number, number]
  const attachment = attachments[index] as Attachment
  switch (selection) {
    case Selection.Received:
      return { index, done: false, value: receivedItem() }
    case Selection.Sent:
      return { index, done: false, value: undefined }
    case Selection.Ended:
      return { index, done: true, value: undefined }
    case Selection.Closed: {
      const message = `select: expected cases[${index}] to be of a channel that is open, got one that was closed`
      throw Object.assign(new ClosedError(message), { index })
    }
    default:
      throw Object.assign(attachment.abortedError(), { index })
  }
}

function receivedItem(): unknown {
  const item: unknown[] = []
  // Numbers lie in the chunk, which is used again.
  return channelChunk().decode(1, () => binding.takeLargeSelected(environmentHandle()), item)[0]
}
