/**
 * The native binding's functions: free functions that take integer handles, and never block. This is the contract
 * that native/binding/src keeps; a test compares it with what napi generates from there.
 */

import type { ChannelStats } from './channel/stats.js'
import type { NativeItems } from './codec/decode.js'
import type { HandlerPlan } from './handlers.js'
import type { RetryPlan } from './retry.js'
import type { SourcePlan } from './sources.js'
import type { SystemStats } from './stats.js'

/** What did not fit a chunk: the bytes of all its items, or each item, in memory of its own. */
export type NativeLarge = Uint8Array | Uint8Array[]

/** What a native send says: a positive number is the id of a send that waits. */
export const Admission = {
  Admitted: 0,
  Full: -1,
  Closed: -2,
  Aborted: -3,
  /** As `Admitted`; and items were dropped, which are to be told of. */
  Overflowed: -4,
  /** There was no room, and the channel rejects. */
  Rejected: -5,
  /** Some items were admitted, and the others wait on. In events of sends of one item each. */
  Moving: 1,
} as const

/** How a send into a channel takes it when there is no room. */
export const SendMode = { Wait: 0, Try: 1, Block: 2, Offer: 3 } as const

/** What a send that blocks the thread says while it is not through. */
export const STILL_WAITING = 1

/** What a native take says where it gives no items. */
export const Take = {
  Nothing: 0,
  Ended: -1,
  Aborted: -2,
  /** For workers: the next item is to be handled alone. */
  Alone: -3,
} as const

/** The kinds of events that the doorbell announces; each is a row of four numbers. */
export const Event = {
  /** id of the send, its `Admission`, how many items were accepted */
  Sent: 0,
  /** handle of the system, bits of `Notice` */
  Notice: 1,
  /** handle of the system or channel: its consumer, or its receivers, may find items */
  Items: 2,
  /** handle of the system: the reader may find results */
  Results: 3,
  /** number of the select: a case of it may be ready */
  Select: 4,
} as const

/** How the case of a select ended that happened. */
export const Selection = { Received: 0, Sent: 1, Ended: 2, Closed: 3, Aborted: 4 } as const

/** In place of an item's kind, for the case of a select that receives. */
export const RECEIVES = 255

/** What a select that was begun says where it has no number: that it happened, or that nothing is ready. */
export const Select = { Happened: 0, Nothing: -1 } as const

/** Numbers in an event's row. */
export const EVENT_WIDTH = 4

/** What a system has to tell, as bits. */
export const Notice = {
  Started: 1,
  /** What was sent before `watchIdle` is settled. */
  Idle: 2,
  Replies: 4,
  DeadLetters: 8,
  /** Production has ended. */
  Draining: 16,
  /** An abort, or a stop past its time-out: handlers give up. */
  BrokenOff: 32,
  /** It is over, and there is a report. */
  Finished: 64,
  /** Attempts failed that `watchAttempts` asked for. */
  Attempts: 128,
} as const

/** What a system is made of, natively. */
export interface SystemSpec {
  producers: number
  consumers: number
  capacity: number
  /** A place in `OVERFLOWS`. */
  overflow: number
  order: NativeOrder
  /** `external`: items come from JavaScript by one of the system's own producers. */
  source: SourcePlan | { kind: 'none' | 'external' }
  /** `external`: JavaScript takes the items and handles them; `workers`: so many workers do. */
  handler: HandlerPlan | { kind: 'external' | 'workers' }
  retry: RetryPlan
  /** In ms. */
  handlerTimeout?: number
  /** Whether the JavaScript that handles items settles each by itself. */
  leased: boolean
  /** Where consumers wait for room: how many dead letters may be kept. */
  deadLetters?: number
}

/** An error as the native side has it. */
export interface NativeFailure {
  code: string
  message: string
  /** What JavaScript threw in a worker, packed. */
  error?: Uint8Array
  /** Whether another attempt would be in vain. */
  unrecoverable?: boolean
  /** The worker thread that died with the item in hand: its `threadId`. */
  thread?: number
}

/** Natively failed items: one, or a whole queue that a stop's time-out gave up. Times are in ms since the epoch. */
export interface NativeDeadLetter {
  items: NativeItems[]
  failure: NativeFailure
  attempts: number
  deaths: number
  firstAt: number
  lastAt: number
}

/** What became of an item that failed: `delay` in ms where it is tried again. Times are in ms since the epoch. */
export interface NativeFate {
  delay?: number
  attempts: number
  deaths: number
  firstAt: number
  lastAt: number
}

/** An attempt that failed natively; `delay` in ms where there will be another. */
export interface NativeAttempt {
  items: NativeItems[]
  failure: NativeFailure
  attempt: number
  delay?: number
}

/** A `run()` whose item failed natively. */
export interface NativeReplyFailure {
  tag: number
  failure: NativeFailure
}

/** What a system's end is. */
export interface NativeReport {
  stats: SystemStats
  unprocessed: NativeItems[]
  detached: string[]
  sourceFailure?: NativeFailure
}

/** One environment's handle to a channel. */
export interface NativeAttachment {
  handle: number
  /** The channel's own handle, as in its token. */
  channel: number
  capacity: number
  maxWaiting: number
  /** A place in `OVERFLOWS`. */
  overflow: number
  /** 0 for none. */
  priorities: number
}

/** What goes with an item beside its value; headers as JSON. From the native side, the first two. */
export interface NativeLabel {
  id?: string
  headers?: string
  priority?: number
  key?: string
}

/** The labels of several items: for each the place of its label, from 1; 0 where it has none. */
export interface NativeLabels {
  labels: NativeLabel[]
  places: number[]
}

/** What decides which item is next; times in ms. */
export interface NativeOrder {
  /** 0 for none. */
  priorities: number
  aging?: number
  limit?: number
  per?: number
}

/** By what a channel is found in every environment of the process. */
export interface NativeToken {
  handle: number
  id: string
}

export interface Binding {
  /** Registers this JavaScript environment. `ring` is called, never concurrently, when there are events to take. `mayWait`: it is no main thread. */
  openEnvironment(ring: () => void, mayWait: boolean): number
  /** Whether the environment's doorbell keeps the event loop alive. */
  keepAlive(environment: number, alive: boolean): void
  /** Fills `events` with rows, and returns how many; fewer than fit: there are no more. */
  takeEvents(environment: number, events: Float64Array): number

  /** Throws where native threads or files can't be had as the spec says. */
  createSystem(environment: number, spec: SystemSpec): number
  /** Forgets the system, which must have ended or never have started. */
  dropSystem(system: number): void
  startSystem(system: number): void
  /** After `Notice.Started`: why threads could not be started, if so. */
  startFailure(system: number): NativeFailure | null
  pauseSystem(system: number): void
  resumeSystem(system: number): void
  /** A harsher stop wins; `timeout` in ms, or null for none. */
  stopSystem(system: number, timeout: number | null): void
  abortSystem(system: number, failure: NativeFailure): void
  systemStats(system: number): SystemStats
  /** One at a time: `Notice.Idle` comes once all that was sent so far is settled. */
  watchIdle(system: number): void
  /** After `Notice.Finished`, once. */
  takeReport(system: number): NativeReport | null

  /** Opens a way into the system for another environment than its own, whose port has the system's handle. */
  openPort(environment: number, system: number): number
  closePort(port: number): void
  /** Before a consumer's handler waits for room in its own system: whether it may. */
  beginWait(port: number): boolean
  /** While it waits: whether nobody is left to make room. Then it counts no more as one that waits. */
  endWaitIfStuck(port: number): boolean
  endWait(port: number): void
  /** Whether items are queued of which none can be handled before another one of its key is settled. */
  isParked(system: number): boolean

  /** A `tag` other than 0 asks for a reply. Where `wait` is false, `Full` comes instead of a send that waits. */
  sendNumber(port: number, value: number, tag: number, wait: boolean): number
  sendItem(port: number, kind: number, bytes: Uint8Array, length: number, tag: number, wait: boolean): number
  /**
   * All of them, for the system's own source or not; while draining, only what its source still had is taken. Tags count
   * up from `firstTag`; 0: none.
   */
  sendNumbers(port: number, values: Float64Array, firstTag: number, fromSource: boolean): number
  /** `kinds` are one for each item, or one for all. */
  sendBlobs(
    port: number,
    kinds: Uint8Array,
    ends: Uint32Array,
    bytes: Uint8Array,
    length: number,
    firstTag: number,
    fromSource: boolean,
  ): number
  /** As `sendBlobs`, for bytes that are large: each is copied once, into memory of its own. */
  sendLarge(port: number, items: Uint8Array[], firstTag: number, fromSource: boolean): number
  /** From now on what this port's sends drop is kept, for `takeDropped`. */
  wantDropped(port: number): void
  takeDropped(port: number): NativeItems[]
  /**
   * As `sendBlobs`, for items that all get the same label, and in place of its key their own, where there are `keys`. `wait`:
   * as `sendItem` has it.
   */
  sendLabeled(
    port: number,
    kinds: Uint8Array,
    ends: Uint32Array,
    bytes: Uint8Array,
    length: number,
    label: NativeLabel,
    keys: (string | undefined)[],
    firstTag: number,
    fromSource: boolean,
    wait: boolean,
  ): number
  /** An item of the source never gets in: it is produced, and a dead letter, which is kept here. */
  rejectItem(port: number): void
  /** Takes out what was not admitted and returns how many items were; null where the send was over already. */
  /** How it ended, `Full` where it was taken out; null where an event tells. */
  cancelSend(environment: number, send: number): { admission: number; accepted: number } | null
  /** The external source ended, with its failure if it failed. */
  sourceEnded(system: number, failure: NativeFailure | null): void

  /** The chunk that the next three are about. */
  attachItems(system: number, chunk: Uint8Array): void
  /** Settles what the chunk reports, then fills it with items; returns how many, or a `Take`. */
  takeItems(system: number): number
  /** Settles what the chunk reports. */
  reportItems(system: number): void
  /** Settles what the chunk reports and gives back all items that were taken and not handed over. The end. */
  endItems(system: number): void
  /** The bytes of the items that were taken last, where they did not fit the chunk. */
  takeLargeItems(system: number): NativeLarge
  /** The labels of the items that were taken last. */
  takeItemLabels(system: number): NativeLabels

  /** Takes one item into the chunk; 1, or a `Take`. `row` gets its number, which attempt it is, and its tag. */
  takeLeasedItem(system: number, chunk: Uint8Array, row: Float64Array): number
  takeLargeLeasedItem(system: number): NativeLarge
  /** The label of an item in hand. */
  leasedItemLabel(system: number, number: number): NativeLabel | null
  /** Item `first` and those taken after it, `count` in all, are about to be handled together. */
  beginLeasedBatch(system: number, first: number, count: number): void
  settleLeasedItem(system: number, number: number): void
  /** Null where the item was settled before. */
  failLeasedItem(system: number, number: number, failure: NativeFailure): NativeFate | null
  /** The end: what is not settled is discarded. */
  endLeasedItems(system: number): void

  /**
   * Makes this environment the worker in place `index`; null where that has one, or has ended. `thread` is its `threadId`;
   * `claims` is one word that only `Atomics` may touch from now on.
   */
  attachWorker(
    environment: number,
    system: number,
    index: number,
    thread: number,
    chunk: Uint8Array,
    outbox: Uint8Array,
    claims: Uint32Array,
  ): number | null
  /** Settles what the outbox notes, then fills the chunk with up to `max` items; returns how many, or a `Take`. */
  /** With `fresh`, for a worker that has items already, none that is tried again: `Alone` where such a one is next. */
  takeWork(worker: number, max: number, fresh: boolean): number
  /** Settles what the outbox notes. */
  reportWork(worker: number): void
  /** The same, and then the next item with a result that did not fit there. */
  settleLargeWork(worker: number, kind: number, bytes: Uint8Array, length: number): void
  /** Settles what the outbox notes, and then the next item as failed. */
  failWork(worker: number, failure: NativeFailure): void
  takeLargeWork(worker: number): NativeLarge
  /** The labels of the items that were taken last. */
  takeWorkLabels(worker: number): NativeLabels
  /** Settles what the outbox notes, and gives up the rest. The worker's end. */
  endWork(worker: number): void
  /** Whether the place `index`, which has no worker, needs one; a place that doesn't has ended. */
  needsWorker(system: number, index: number): boolean
  /** The outbox's layout as the native side has it, for the test that compares it with ours. */
  outboxLayout(): Record<string, number>

  /** The chunk's layout as the native side has it, for the test that compares it with ours. */
  chunkLayout(): Record<string, number>
  /** The kinds of items as the native side has them, for the test that compares them with ours. */
  itemKinds(): Record<string, number>
  /** From how many bytes on items have memory of their own, for the same test. */
  largeItemBytes(): number
  /** How many handles of each kind stand for something, in the whole process: for tests that nothing is left behind. */
  liveHandles(): Record<string, number>

  /** Keeps results from now on; only before the start. */
  wantResults(system: number): void
  /** Sends results into a channel, which is closed with the system where `close` says so; only before the start. */
  sendResultsTo(system: number, channel: number, close: boolean): void
  /** Fills `chunk` with results; returns how many, or a `Take`. */
  takeResults(system: number, chunk: Uint8Array, wait: boolean): number
  takeLargeResults(system: number): NativeLarge
  /** The reader broke off: later results are dropped. */
  endResults(system: number): void
  /** Fills `chunk` with the tagged results of `run()`, after `Notice.Replies`; returns how many. */
  takeReplies(system: number, chunk: Uint8Array): number
  takeLargeReplies(system: number): NativeLarge
  /** The runs that failed, after `takeReplies` gave no more. */
  takeReplyFailures(system: number): NativeReplyFailure[]
  /** Whether dead letters are going to be taken, so that consumers wait rather than drop them. */
  watchDeadLetters(system: number, watched: boolean): void
  /** JavaScript keeps so many more dead letters, or fewer, than it took. */
  keepDeadLetters(system: number, change: number): void
  /** Whether attempts that fail natively, or in workers, are kept to be taken. */
  watchAttempts(system: number, watched: boolean): void
  /** Those that failed, after `Notice.Attempts`. */
  takeAttempts(system: number): NativeAttempt[]
  /** Natively failed items, after `Notice.DeadLetters`. */
  takeDeadLetters(system: number): NativeDeadLetter[]

  /** The chunk in which channels hand their items over, in this environment. */
  attachChunk(environment: number, chunk: Uint8Array): void
  /** `maxWaiting` may be Infinity. */
  createChannel(
    environment: number,
    id: string,
    capacity: number,
    maxWaiting: number,
    order: NativeOrder,
    overflow: number,
  ): NativeAttachment
  /** Null where the token's channel is gone, or never was. */
  attachChannel(environment: number, handle: number, id: string): NativeAttachment | null
  /** Gives back all that is held: credit, items, leases. */
  detachChannel(channel: number): void
  /** Where the creator reads it, it keeps the channel alive. */
  channelToken(channel: number): NativeToken
  closeChannel(channel: number): void
  /** What was queued, for the first caller. */
  abortChannel(channel: number, message: string): NativeItems[]
  /** Why it was aborted; null where it was not, or nothing is attached by this handle any more. */
  channelAbortMessage(channel: number): string | null
  channelLength(channel: number): number
  channelIsClosed(channel: number): boolean
  channelStats(channel: number): ChannelStats

  /** Takes credit until there is room for `want` items, or gives it back for 0. How much there is, or an `Admission`. */
  takeChannelCredit(channel: number, want: number): number
  /** Sends on credit, then does as `takeChannelCredit`. */
  spendChannelNumbers(channel: number, values: Float64Array, want: number): number
  spendChannelBlobs(
    channel: number,
    kinds: Uint8Array,
    ends: Uint32Array,
    bytes: Uint8Array,
    length: number,
    want: number,
  ): number
  /** Gives credit back, and sends. An `Admission`, or the id of a send that waits; `STILL_WAITING` for `Block`. */
  sendChannelNumbers(channel: number, values: Float64Array, mode: number): number
  sendChannelBlobs(
    channel: number,
    kinds: Uint8Array,
    ends: Uint32Array,
    bytes: Uint8Array,
    length: number,
    mode: number,
  ): number
  /**
   * Sends the first `credited` items on credit, which uses all of it up. The others found no room: each is a send of its own. An
   * `Admission`, or an id; its events tell how many of the others were accepted, with `Moving` as long as some wait.
   */
  sendChannelNumbersEach(channel: number, values: Float64Array, credited: number): number
  sendChannelBlobsEach(
    channel: number,
    kinds: Uint8Array,
    ends: Uint32Array,
    bytes: Uint8Array,
    length: number,
    credited: number,
  ): number
  /** As `sendChannelBlobs`, for bytes that are large: each is copied once, into memory of its own. */
  sendChannelLarge(channel: number, items: Uint8Array[], mode: number): number
  /** As `sendChannelBlobs`; all of the items get the label. */
  sendChannelLabeled(
    channel: number,
    kinds: Uint8Array,
    ends: Uint32Array,
    bytes: Uint8Array,
    length: number,
    label: NativeLabel,
    mode: number,
  ): number
  /** From now on what this environment's sends drop is kept, for `takeChannelDropped`. */
  wantChannelDropped(channel: number): void
  takeChannelDropped(channel: number): NativeItems[]
  /** Blocks the thread for `ms`, and 20 at most. An `Admission`, or `STILL_WAITING`. */
  blockChannelSend(channel: number, ms: number): number
  /** Takes the item of the send that blocks out: `Full`, or the `Admission` that it got meanwhile. */
  cancelChannelSend(channel: number): number

  /** Takes up to `max` items into the environment's chunk; how many, or a `Take`. With `wait` an event follows. */
  takeChannelItems(channel: number, max: number, wait: boolean): number
  /** Where this environment claims what it takes ahead: the first element, by `Atomics.add`, of two. */
  claimChannelItems(channel: number, word: Uint32Array): void
  /** As `takeChannelItems`, but they stay in the channel until they are claimed, and others may take them away. */
  takeChannelItemsAhead(channel: number, max: number, wait: boolean): number
  /** Frees the room of the items that were claimed. */
  tellChannelClaims(channel: number): void
  /** Puts the items that were not claimed back to the front. */
  giveChannelItemsBack(channel: number): void
  /** The bytes of the items that were taken last, where they did not fit the chunk. */
  takeLargeChannelItems(channel: number): NativeLarge
  /** Nobody waits any more. */
  restChannel(channel: number): void
  /** Blocks the thread until there is an item, for `ms`, and 20 at most. */
  blockChannelReceive(channel: number, ms: number): number
  cancelChannelReceive(channel: number): void
  /** Leases an item; 1 or a `Take`. `lease` gets its number, the attempt, the item's number, and 1 for a label. */
  leaseChannelItem(channel: number, wait: boolean, lease: Float64Array): number
  /** What the sender of the leased item gave it. */
  channelLeaseLabel(channel: number, lease: number): NativeLabel | null
  /** Settles a lease, or gives its item back. False where it has ended before. */
  endChannelLease(channel: number, lease: number, settled: boolean): boolean

  /**
   * Lets a case happen that is ready: `outcome` gets its place and its `Selection`, the chunk an item. With `wait`, else
   * gives the number of a select that waits. Case `i` is of `channels[i]`, and sends item `i` of the columns.
   */
  beginSelect(
    environment: number,
    channels: Uint32Array,
    kinds: Uint8Array,
    ends: Uint32Array,
    bytes: Uint8Array,
    wait: boolean,
    outcome: Float64Array,
  ): number
  /** After an event: whether it is over, and then as `beginSelect`. */
  pollSelect(environment: number, select: number, outcome: Float64Array): boolean
  /** Ends the wait; false where a case had happened before, of which an event tells. */
  cancelSelect(environment: number, select: number): boolean
  /** The bytes of the item that was received last, where they did not fit the chunk. */
  takeLargeSelected(environment: number): NativeLarge
}
