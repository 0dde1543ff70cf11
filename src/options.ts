/** The options of a system: their meaning, defaults and checks, all of them before anything starts. */

import { availableParallelism } from 'node:os'
import type { BatchPlan } from './batch.js'
import type { NativeOrder } from './binding.js'
import { Channel, handleOf } from './channel/channel.js'
import type { ItemChannel } from './channel/item-channel.js'
import { checkOrder, ORDER_OPTIONS, type OrderOptions } from './channel/order-options.js'
import { ForeignChannel } from './channel-runner.js'
import type { BatchHandlerFunction, BatchResults, HandlerFunction, SourceFunction } from './context.js'
import type { DeadLetterOptions } from './dead-letters.js'
import { InvalidOptionError, messageOf } from './errors.js'
import { type Handler, type HandlerPlan, hash, hashFile, NativeHandler, noop, sleep } from './handlers.js'
import type { LeasedPlan } from './leased-callback.js'
import { handlerModule, isModulePlace, planModule, sourceModule, WorkerModule } from './modules/module.js'
import { checkOnDrop, checkOverflow, type OnDrop, type Overflow } from './overflow.js'
import { planRetry, type RetryOptions, type RetryPlan } from './retry.js'
import { files, lines, NativeSource, type Source, type SourcePlan, sequence } from './sources.js'
import { checkBoolean, checkChoice, checkInteger, checkMs, checkOptions, checkSignal } from './validate.js'

/** How items are put together for a handler. */
export interface BatchOptions {
  /** The most items, from 1 to 10,000. They count as handed over once they are part of a batch. */
  size: number
  /** How long the first item of a batch waits for others, in ms. Default 0: only for those that are there. */
  within?: number | undefined
}

/** How a system is made. `T` is the type of its items, `R` that of its results; both are inferred. */
export interface SystemOptions<T, R> extends OrderOptions {
  /**
   * How many producers run the source, from 1 to 1024. Default 10; for a source function 1, because each call of it
   * makes items of its own; for a channel 1, which keeps the order; for a module `os.availableParallelism()`. An
   * iterable is always pulled by one, and a channel of another make too.
   */
  producers?: number | undefined
  /**
   * How many items are handled at once, from 1 to 1024: threads of a native handler, worker threads of a module, or
   * pending promises of a function. Default 5; for a module `os.availableParallelism()`.
   */
  consumers?: number | undefined
  /**
   * The most items that are in the channel at once, from 1 to 2^24. It bounds items, not bytes. Its slots are allocated
   * at once, some 120 bytes each. Default 1000.
   */
  capacity?: number | undefined
  /**
   * The most sends that may wait for room, for each worker of a module and for all others together; further ones reject with
   * `FullError`. Default: no limit.
   */
  maxWaiting?: number | undefined
  /**
   * What a send does that finds no room, and what a source does that is JavaScript. Default `'wait'`. A JavaScript source
   * waits with `'reject'` too, a native source always. Items that are dropped are
   * produced and discarded; a `run` of one rejects with `FullError`. With `'drop-oldest'` a handler takes items one by one.
   */
  overflow?: Overflow | undefined
  /**
   * Called with each item that a send or source of this thread drops. What it throws becomes an uncaught exception, and
   * no failure of the send. Sends of handlers and sources that are modules drop in their worker: those are only counted.
   */
  onDrop?: OnDrop<T> | undefined
  /**
   * The channel that items come through, in place of `capacity` and a source: the system takes them from there, a few
   * at a time, and `send` sends there. Others may send to it and receive from it too. The system's stop leaves it open,
   * with what was not taken. What `run` and a handler's `ctx.send` bring goes to this system and not there.
   */
  channel?: ItemChannel<T> | undefined
  /**
   * Where items come from: `sequence()`, `lines()`, `files()`, `sourceModule(url)`, a channel, an iterable or asynchronous iterable object, or
   * a function that returns one. Default: nowhere, items come by `send`. A string is refused: use `lines(path)`.
   */
  source?: SystemSource<T> | undefined
  /**
   * What handles each item: a function; `hash()`, `hashFile()`, `sleep()`, `noop()`; or a module whose function runs in
   * worker threads: `handlerModule(url)`, or the `file:` URL or absolute path itself. With `batch`, a function of batches.
   */
  handler: SystemHandler<T, R>
  /** Hands items over together; see `BatchedSystemOptions`. */
  batch?: undefined
  /** When an item whose attempt failed is tried again. Default: never; one whose worker died, once. */
  retry?: RetryOptions | undefined
  /**
   * The longest an attempt may take, in ms: its execution, not its wait. Then `ctx.signal` aborts and the attempt counts as
   * failed, once the handler has come to an end; a worker that still has not a second later is terminated, which counts as
   * its death. Native handlers look at it at least every 50 ms or 1 MiB. Default: no limit.
   */
  handlerTimeout?: number | undefined
  /** How many dead letters are kept in `deadLetters`, and what happens to more. */
  deadLetters?: DeadLetterOptions | undefined
  /**
   * Whether results are kept for `results()` from the start (default: only once `results()` was called); or the channel
   * that they go to. Full, it holds up the consumers, and a stop as well, so where nobody may read any more give that a
   * time-out; where it takes no more, items become dead letters with its error. With a native handler it has to be a
   * `Channel`, and with a module too. Results of `run()` go to its caller.
   */
  results?: boolean | ItemChannel<R> | undefined
  /**
   * The key of an item that has none: of its own source, where that is JavaScript of this thread, and of `send`, `sendMany`,
   * `trySend` and `run`. Items of one key are handled one at a time, and those of one priority in order. `undefined` is no
   * key. Where it throws, that send fails, or that item of the source is a dead letter.
   */
  key?: ((item: T) => string | undefined) | undefined
  /** Whether the channel that results go to is closed once the system is over. Default true: the end is passed down. */
  closeResults?: boolean | undefined
  /** Aborts the system, with `signal.reason`. */
  signal?: AbortSignal | undefined
}

/** How a system is made whose handler gets items together. */
export interface BatchedSystemOptions<T, R> extends Omit<SystemOptions<T, R>, 'handler' | 'batch'> {
  /**
   * What handles each batch: a function of an array, which gives a result for each of its items, in their order, or nothing
   * where nobody wants any. Where it throws, all of them fail; with a `BatchError` only those that it names. Or a module with such a function: in its
   * worker an item that is tried again comes alone.
   */
  handler: BatchHandlerFunction<T, R> | Handler<T[], BatchResults<R>> | URL | string
  /** How many items go together. */
  batch: BatchOptions
}

/** Where a system's items can come from. */
export type SystemSource<T> =
  | Source<T>
  | ItemChannel<T>
  | (Iterable<T> & object)
  | AsyncIterable<T>
  | SourceFunction<T>

/** What can handle a system's items. */
export type SystemHandler<T, R> = Handler<T, R> | HandlerFunction<T, R> | URL | string

/**
 * The options after their checks.
 *
 * @internal
 */
export interface SystemPlan<T, R> {
  producers: number
  consumers: number
  capacity: number
  maxWaiting: number
  overflow: Overflow
  onDrop: OnDrop<T> | undefined
  order: NativeOrder
  key: ((item: T) => string | undefined) | undefined
  source: SourcePlan | SourceFunction<T> | WorkerModule | ForeignChannel | undefined
  handler: HandlerPlan | HandlerFunction<T, R> | WorkerModule
  results: boolean
  channel: ItemChannel<T> | undefined
  sink: { channel: ItemChannel<R>; close: boolean } | undefined
  signal: AbortSignal | undefined
  retry: RetryPlan
  handlerTimeout: number | undefined
  deadLetters: { keep: number; block: boolean }
  /** Where the handler gets items together. */
  batch: BatchPlan | undefined
  /** Where a function settles each item by itself. */
  leased: LeasedPlan | undefined
}

const DEFAULTS = { producers: 10, consumers: 5, capacity: 1000 } as const
const MAX_THREADS = 1024
const MAX_BATCH = 10_000
const MAX_CAPACITY = 2 ** 24
const KNOWN = [
  'producers',
  'consumers',
  'capacity',
  'maxWaiting',
  'overflow',
  'onDrop',
  'channel',
  'source',
  'handler',
  'results',
  'closeResults',
  'signal',
  'retry',
  'handlerTimeout',
  'deadLetters',
  'batch',
  'key',
  ...ORDER_OPTIONS,
] as const

/** What our own functions make, and how they are called: given uncalled, they would pass as sources and handlers. */
const MAKERS = new Map<unknown, { makes: 'source' | 'handler'; call: string }>([
  [sequence, { makes: 'source', call: 'sequence()' }],
  [lines, { makes: 'source', call: 'lines(path)' }],
  [files, { makes: 'source', call: 'files(root)' }],
  [hash, { makes: 'handler', call: "hash('sha256')" }],
  [hashFile, { makes: 'handler', call: "hashFile('sha256')" }],
  [sleep, { makes: 'handler', call: 'sleep(ms)' }],
  [noop, { makes: 'handler', call: 'noop()' }],
  [sourceModule, { makes: 'source', call: 'sourceModule(url)' }],
  [handlerModule, { makes: 'handler', call: 'handlerModule(url)' }],
])

/**
 * @throws {InvalidOptionError} for anything that can't be used, naming it
 * @internal
 */
export function planSystem<T, R>(given: SystemOptions<T, R> | BatchedSystemOptions<T, R>): SystemPlan<T, R> {
  const options = given as SystemOptions<T, R>
  checkOptions('options', options, KNOWN)
  const { maxWaiting, results = false, closeResults = true } = options
  const channel = planChannel(options)
  const source = planSource(channel ? 'channel' : 'source', channel ?? options.source)
  const handler = planHandler(options.handler)
  const { producers = channel ? 1 : defaultProducers(source) } = options
  const { consumers = handler instanceof WorkerModule ? availableParallelism() : DEFAULTS.consumers } =
    options
  // What is taken from a channel and not handled yet is not in that channel any more: no more than the next of each.
  const { capacity = channel ? consumers : DEFAULTS.capacity } = options
  checkInteger('producers', producers, 1, MAX_THREADS)
  checkBoolean('closeResults', closeResults)
  return {
    // An iterable can only be pulled by one.
    producers:
      source instanceof ForeignChannel || (typeof source === 'function' && source !== options.source)
        ? 1
        : producers,
    consumers: checkInteger('consumers', consumers, 1, MAX_THREADS),
    capacity: checkInteger('capacity', capacity, 1, MAX_CAPACITY),
    maxWaiting:
      maxWaiting === undefined
        ? Infinity
        : checkInteger('maxWaiting', maxWaiting, 0, Number.MAX_SAFE_INTEGER),
    overflow: checkOverflow(options.overflow),
    onDrop: checkOnDrop(options.onDrop),
    order: checkOrder(options),
    key: planKey(options, source),
    source,
    handler,
    results: results === true,
    channel,
    sink: planSink(results, closeResults, handler),
    signal: options.signal === undefined ? undefined : checkSignal('signal', options.signal),
    ...planAttempts(options, handler),
    deadLetters: planDeadLetters(options.deadLetters),
  }
}

type AttemptsPlan = Pick<SystemPlan<unknown, unknown>, 'retry' | 'handlerTimeout' | 'batch' | 'leased'>

function planAttempts<T, R>(
  options: SystemOptions<T, R>,
  handler: SystemPlan<T, R>['handler'],
): AttemptsPlan {
  const { retryIf, ...retry } = planRetry(options.retry)
  const isFunction = typeof handler === 'function'
  if (retryIf && !isFunction) {
    const hint = handler instanceof WorkerModule ? "export a 'retryIf' from the module" : undefined
    throw new InvalidOptionError('retry.retryIf', 'none but for a handler that is a function', retryIf, hint)
  }
  const handlerTimeout =
    options.handlerTimeout === undefined ? undefined : checkMs('handlerTimeout', options.handlerTimeout)
  if (handlerTimeout === 0) throw new InvalidOptionError('handlerTimeout', 'ms above 0', 0)
  const batch = planBatch(options.batch as BatchOptions | undefined)
  if (batch && !isFunction && !(handler instanceof WorkerModule))
    throw new InvalidOptionError('batch', 'none beside a native handler', options.batch)
  const { source, priorities, rate, key } = options
  const hasKeys = key !== undefined || (source instanceof NativeSource && source.givesKeys)
  const inOrder = priorities !== undefined || rate !== undefined || hasKeys
  const leased =
    isFunction && (inOrder || retry.attempts > 1 || handlerTimeout !== undefined || batch !== undefined)
  return {
    retry,
    handlerTimeout,
    batch,
    leased: leased ? { attempts: retry.attempts, retryIf, handlerTimeout, batch } : undefined,
  }
}

function planBatch(batch: BatchOptions | undefined): BatchPlan | undefined {
  if (batch === undefined) return undefined
  checkOptions('batch', batch, ['size', 'within'])
  const { size, within = 0 } = batch
  return {
    size: checkInteger('batch.size', size, 1, MAX_BATCH),
    within: checkMs('batch.within', within),
  }
}

function planDeadLetters(options: DeadLetterOptions = {}): SystemPlan<unknown, unknown>['deadLetters'] {
  checkOptions('deadLetters', options, ['keep', 'whenFull'])
  const { keep = 1000, whenFull = 'evict' } = options
  const block = checkChoice('deadLetters.whenFull', whenFull, ['evict', 'block']) === 'block'
  return { keep: checkInteger('deadLetters.keep', keep, block ? 1 : 0, 2 ** 31 - 1), block }
}

function planKey<T, R>(
  { key, channel }: SystemOptions<T, R>,
  source: SystemPlan<T, R>['source'],
): SystemPlan<T, R>['key'] {
  if (key === undefined) return undefined
  if (typeof key !== 'function') throw new InvalidOptionError('key', 'a function', key)
  if (channel !== undefined) {
    throw new InvalidOptionError('key', 'none beside a channel, whose sends have keys of their own', key)
  }
  if (source !== undefined && typeof source !== 'function') {
    const ofItsOwn = 'kind' in source && (source.kind === 'lines' || source.kind === 'files')
    const hint = ofItsOwn ? `${source.kind}() has a key of its own` : undefined
    throw new InvalidOptionError(
      'key',
      'none beside a source that is not JavaScript of this thread',
      key,
      hint,
    )
  }
  return key
}

function planChannel<T, R>(options: SystemOptions<T, R>): ItemChannel<T> | undefined {
  const { channel, capacity, source, overflow, onDrop } = options
  if (channel === undefined) return undefined
  for (const name of ORDER_OPTIONS) {
    if (options[name] === undefined) continue
    throw new InvalidOptionError(name, 'none beside a channel, which has its own', options[name])
  }
  const fault = faultOf(channel)
  if (fault) throw new InvalidOptionError('channel', 'a channel', channel, fault.hint)
  if (capacity !== undefined)
    throw new InvalidOptionError('capacity', 'none beside a channel, which has its own', capacity)
  if (overflow !== undefined)
    throw new InvalidOptionError('overflow', 'none beside a channel, which has its own', overflow)
  if (onDrop !== undefined)
    throw new InvalidOptionError('onDrop', 'none beside a channel, whose sends have their own', onDrop)
  if (source !== undefined)
    throw new InvalidOptionError('source', 'none beside a channel, which items come from', source)
  return channel
}

function planSink<T, R>(
  results: boolean | ItemChannel<R>,
  close: boolean,
  handler: SystemPlan<T, R>['handler'],
): SystemPlan<T, R>['sink'] {
  if (typeof results === 'boolean') return undefined
  if (results instanceof Channel) {
    attachedHandle('results', results)
    return { channel: results, close }
  }
  const fault = faultOf(results)
  if (!fault && typeof handler === 'function') return { channel: results, close }
  const hint = fault ? fault.hint : 'only a handler that is a function can send to another'
  throw new InvalidOptionError('results', 'true, false, or a Channel', results, hint)
}

const METHODS = ['send', 'sendMany', 'receive', 'receiveMany', 'lease', 'close', 'abort'] as const

/** What keeps `value` from being an `ItemChannel`, if anything does; for what is like one, which method it lacks. */
function faultOf(value: unknown): { hint: string | undefined } | undefined {
  if (typeof value !== 'object' || value === null) return { hint: undefined }
  const missing = METHODS.filter((name) => typeof Reflect.get(value, name) !== 'function')
  if (missing.length === 0) return undefined
  return { hint: missing.length < METHODS.length ? `it has no ${missing[0]}()` : undefined }
}

/** @throws {InvalidOptionError} for a channel that was disposed of here */
function attachedHandle(option: string, channel: object): number {
  try {
    return handleOf(channel)
  } catch (cause) {
    throw new InvalidOptionError(option, 'a channel that is attached', channel, messageOf(cause))
  }
}

function defaultProducers(source: SystemPlan<unknown, unknown>['source']): number {
  if (source instanceof WorkerModule) return availableParallelism()
  const native = typeof source === 'object' && 'kind' in source && source.kind !== 'channel'
  return native || source === undefined ? DEFAULTS.producers : 1
}

function planSource<T>(
  option: string,
  source: SystemSource<T> | undefined,
): SystemPlan<T, unknown>['source'] {
  if (source instanceof NativeSource) return source.plan
  if (source instanceof WorkerModule) return source
  if (source instanceof Channel) return { kind: 'channel', channel: attachedHandle(option, source) }
  if (!faultOf(source)) return new ForeignChannel(source as ItemChannel<unknown>)
  const hint =
    typeof source === 'string' ? 'for the lines of a file, use lines(path)' : uncalledHint('source', source)
  if (hint === undefined) {
    if (source === undefined || typeof source === 'function') return source
    if (isIterable(source)) return () => source
  }
  throw new InvalidOptionError(
    'source',
    'a source such as lines(path), an iterable object, or a function',
    source,
    hint,
  )
}

function isIterable<T>(source: unknown): source is Iterable<T> | AsyncIterable<T> {
  if (typeof source !== 'object' || source === null) return false
  return (
    typeof Reflect.get(source, Symbol.asyncIterator) === 'function' ||
    typeof Reflect.get(source, Symbol.iterator) === 'function'
  )
}

function planHandler<T, R>(handler: SystemHandler<T, R>): SystemPlan<T, R>['handler'] {
  if (handler instanceof NativeHandler) return handler.plan
  if (handler instanceof WorkerModule) return handler
  if (isModulePlace(handler)) return new WorkerModule(planModule('handler', handler))
  const hint = uncalledHint('handler', handler)
  if (hint === undefined && typeof handler === 'function') return handler
  throw new InvalidOptionError(
    'handler',
    'a function, a handler such as hash(algorithm), or the URL or absolute path of a module',
    handler,
    hint,
  )
}

/** What to do where `value` is one of our functions that make sources and handlers, which is a mistake always. */
function uncalledHint(option: 'source' | 'handler', value: unknown): string | undefined {
  const maker = MAKERS.get(value)
  if (maker === undefined) return undefined
  return maker.makes === option ? `call it: ${maker.call}` : `${maker.call} makes a ${maker.makes}`
}
