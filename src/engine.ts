/** A system from the inside: its life, and what its parts and the native side tell each other. */

import type { BatchPlan } from './batch.js'
import { Notice } from './binding.js'
import { Callback } from './callback.js'
import { type Channel, handleOf } from './channel/channel.js'
import type { ItemChannel } from './channel/item-channel.js'
import type { ItemSendOptions } from './channel/send-options.js'
import { ChannelRunner, ForeignChannel } from './channel-runner.js'
import { decodeItems } from './codec/decode.js'
import type { BatchHandlerFunction, HandlerFunction } from './context.js'
import { DeadLetters, type DeadLettersSystem } from './dead-letters.js'
import {
  environmentHandle,
  forget,
  hold,
  type Listener,
  listenLoosely,
  listenTo,
  release,
} from './environment.js'
import { AbortedError, ClosedError, messageOf, SourceError, StateError, TimeoutError } from './errors.js'
import { Events } from './events.js'
import { callNative, toError, toFailure } from './failure.js'
import { HandlerSends, type HandlingSystem } from './handler-sends.js'
import { LeasedCallback, type LeasedSystem, type SendingCall } from './leased-callback.js'
import { Liveness } from './liveness.js'
import { HandlerPool, type PoolSystem } from './modules/handler-pool.js'
import { WorkerModule } from './modules/module.js'
import { SourcePool } from './modules/source-pool.js'
import { binding } from './native.js'
import type { SystemPlan } from './options.js'
import { NativeOutcomes } from './outcomes.js'
import type { OnDrop, Overflow } from './overflow.js'
import type { DeadLetter, DeadLetterReason, Report } from './report.js'
import { Results } from './results.js'
import { Runs } from './runs.js'
import { type Marks, Sender, type SenderSystem } from './sender.js'
import { whenAbortedFor } from './signals.js'
import { sendingEachTo, sendingTo } from './sink.js'
import { SourceRunner, type SourceSystem } from './source-runner.js'
import type { SystemState, SystemStats } from './stats.js'
import { specOf } from './system-spec.js'

export class Engine<T, R>
  implements
    Listener,
    SenderSystem,
    SourceSystem,
    LeasedSystem<T, R>,
    HandlingSystem,
    PoolSystem,
    DeadLettersSystem<T>
{
  readonly handle: number
  readonly capacity: number
  readonly consumers: number
  readonly maxWaiting: number
  readonly overflow: Overflow
  readonly onDrop: OnDrop<T> | undefined
  readonly priorities: number
  readonly refusesKeys: boolean
  readonly events = new Events<T>()
  readonly deadLetters: { readonly keep: number; readonly block: boolean }
  readonly letters = new DeadLetters<T>(this)
  readonly runs = new Runs<R>()
  readonly sender: Sender<T, R>
  readonly liveness: Liveness
  /** The report, or the error of a failed source. Nobody has to wait for it. */
  readonly finished: Promise<Report<T>>
  results: Results<R> | undefined
  readonly #plan: SystemPlan<T, R>
  readonly #outcomes: NativeOutcomes<T, R>
  readonly #callback: Callback<T, R> | LeasedCallback<T, R> | undefined
  readonly #source: SourceRunner | ChannelRunner | SourcePool | undefined
  readonly #pool: HandlerPool | undefined
  readonly #sends: HandlerSends<T>
  readonly #breaking = new AbortController()
  #finish!: { resolve(report: Report<T>): void; reject(error: Error): void }
  #starting: { resolve(): void; reject(error: Error): void } | undefined
  #started = false
  /** The modules are being loaded. */
  #loading = false
  #timeout: number | undefined
  #aborted: { error: AbortedError } | undefined
  /** Why the source failed, as JavaScript knows it. */
  #sourceFailure: { error: unknown } | undefined
  #end: { stats: SystemStats } | undefined
  #state: SystemState = 'ready'
  #unlisten: (() => void) | undefined

  constructor(plan: SystemPlan<T, R>) {
    this.#plan = plan
    this.capacity = plan.capacity
    this.consumers = plan.consumers
    this.maxWaiting = plan.maxWaiting
    this.overflow = plan.overflow
    this.onDrop = plan.onDrop
    this.deadLetters = plan.deadLetters
    this.priorities = plan.order.priorities
    this.refusesKeys = typeof plan.handler === 'function' && plan.leased === undefined
    this.handle = callNative(() => binding.createSystem(environmentHandle(), specOf(plan)))
    if (this.onDrop) binding.wantDropped(this.handle)
    this.sender = new Sender(this, this.runs, plan.key)
    this.liveness = new Liveness(this.handle, () => this.#isUnsettled(), plan.handler instanceof WorkerModule)
    this.#outcomes = new NativeOutcomes(this.handle)
    this.#sends = new HandlerSends(this, this.sender)
    const { handler, sink } = plan
    if (typeof handler === 'function') {
      this.#callback = plan.leased
        ? new LeasedCallback(this, handler, sink && sendingWith(sink.channel, plan.batch), plan.leased)
        : new Callback(this, handler, sink && sendingTo(sink.channel, handler))
    } else if (handler instanceof WorkerModule) {
      this.#pool = new HandlerPool(
        this,
        handler.plan,
        plan.batch,
        plan.handlerTimeout,
        sink && (sink.channel as Channel).token,
      )
    } else if (sink) {
      callNative(() => binding.sendResultsTo(this.handle, handleOf(sink.channel), sink.close))
    }
    if (typeof plan.source === 'function') {
      this.#source = new SourceRunner(this, plan.source, plan.producers)
    } else if (plan.source instanceof ForeignChannel) {
      this.#source = new ChannelRunner(this, plan.source.channel)
    } else if (plan.source instanceof WorkerModule) {
      this.#source = new SourcePool(this, plan.source.plan, plan.producers)
    }
    this.finished = new Promise((resolve, reject) => {
      this.#finish = { resolve, reject }
    })
    this.finished.catch(() => {})
    if (plan.results) this.#openResults()
    this.watch()
    listenLoosely(this.handle, this)
    if (plan.signal?.aborted) this.signalled()
    else if (plan.signal) this.#unlisten = whenAbortedFor(plan.signal, this, tellSignalled)
  }

  async start(): Promise<void> {
    this.#checkAlive('start', 'ready')
    this.beHeld()
    if (this.#loading) throw new StateError('cannot start a system that is starting: expected it to be ready')
    if (!this.#pool && !(this.#source instanceof SourcePool)) return this.#start()
    // Before there are workers that nobody would end.
    this.#checkReady()
    this.#loading = true
    try {
      await this.#load()
      return this.#start()
    } finally {
      this.#loading = false
    }
  }

  /** Loads the modules, in all workers at once. Where one fails, there is nothing to go on with. */
  async #load(): Promise<void> {
    try {
      await Promise.all([this.#pool?.load(), this.#source instanceof SourcePool && this.#source.load()])
    } catch (error) {
      // That ended the workers.
      if (this.#end || this.#aborted) throw this.refusal()
      this.abort(error)
      throw error
    }
    if (this.#end) throw this.refusal()
  }

  #start(): Promise<void> {
    callNative(() => binding.startSystem(this.handle))
    this.#started = true
    this.watch()
    hold()
    this.liveness.start(this.#plan.source !== undefined)
    this.#callback?.pause(false)
    this.#pool?.begin()
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject }
    })
  }

  /** Someone waits for an end that may come before a start: by a signal. */
  beAwaited(): void {
    if (this.#plan.signal) this.beHeld()
  }

  /** Someone waits for what the native side is going to tell. */
  beHeld(): void {
    if (!this.#end) listenTo(this.handle, this)
  }

  pause(): void {
    this.#checkAlive('pause', 'running or paused')
    callNative(() => binding.pauseSystem(this.handle))
    this.#callback?.pause(true)
    this.#pool?.pause(true)
    this.#tellState('paused')
  }

  resume(): void {
    this.#checkAlive('resume', 'running or paused')
    callNative(() => binding.resumeSystem(this.handle))
    this.#tellState('running')
    // Who was told may have paused it again. So may handlers, which are called in there.
    if (this.#state !== 'running') return
    this.#pool?.pause(false)
    this.#callback?.pause(false)
  }

  stop(timeout: number | undefined): void {
    if (this.#end) return
    this.beHeld()
    this.sender.flush()
    // What JavaScript sources have pulled is sent first: afterwards nothing is admitted.
    this.#source?.stop()
    if (timeout !== undefined) this.#timeout = Math.min(timeout, this.#timeout ?? timeout)
    this.liveness.beBusy()
    binding.stopSystem(this.handle, timeout ?? null)
    this.#lift()
  }

  abort(reason: unknown): void {
    if (this.#end || this.#aborted) return
    this.beHeld()
    this.sender.flush()
    const error = new AbortedError(`the system was aborted: ${messageOf(reason)}`, { cause: reason })
    this.#aborted = { error }
    this.liveness.beBusy()
    binding.abortSystem(this.handle, { ...toFailure(reason), code: 'ERR_MILLRACE_ABORTED' })
    this.#source?.abort()
    this.#breakOff(error)
    this.runs.rejectAll(error)
  }

  stats(): SystemStats {
    if (this.#end) return structuredClone(this.#end.stats)
    this.sender.flush()
    this.#callback?.report()
    return binding.systemStats(this.handle)
  }

  /** The one reader of results. */
  readResults(): Results<R> {
    if (!this.results) {
      if (this.#plan.sink)
        throw new StateError(
          'results(): expected a system that keeps its results, got one that sends them to a channel',
        )
      if (this.#started || this.#end) {
        throw new StateError(
          'results(): expected a system that is ready, or the option `results: true`, got one that was started',
        )
      }
      this.#openResults()
    }
    this.beAwaited()
    const results = this.results as unknown as Results<R>
    if (!results.claim()) throw new StateError('results(): expected to be called once, got a second call')
    return results
  }

  /** Listeners have come or gone. */
  watch(): void {
    if (this.#end) return
    // Where letters are evicted and nobody listens, no consumer waits until this thread has taken them.
    binding.watchDeadLetters(this.handle, this.deadLetters.block || this.events.has('deadLetter'))
    if (!this.#callback)
      binding.watchAttempts(this.handle, this.events.has('attemptFailed') || this.events.has('retry'))
  }

  // What the native side tells.

  noticed(bits: number): void {
    if (bits & Notice.Started) this.#wasStarted()
    if (bits & Notice.Attempts) this.#tellAttempts()
    if (bits & Notice.Draining) this.#lift()
    if (bits & Notice.BrokenOff) this.breakOff()
    if (bits & Notice.Replies) this.#outcomes.settleRuns(this.runs)
    if (bits & Notice.DeadLetters) this.#deliverDeadLetters()
    if (bits & Notice.Idle) {
      this.liveness.idle()
      this.watch()
      this.#tellDrained()
    }
    if (bits & Notice.Finished) this.#finished()
  }

  itemsReady(): void {
    this.#callback?.work()
  }

  resultsReady(): void {
    this.results?.ready()
  }

  // What senders ask.

  sent(): void {
    this.liveness.sent()
  }

  flush(): boolean {
    return this.#callback?.report() ?? false
  }

  refusal(): Error {
    if (this.#aborted)
      return new AbortedError(this.#aborted.error.message, { cause: this.#aborted.error.cause })
    return new ClosedError('expected a system that takes items, got one that was stopped or has ended')
  }

  // What the JavaScript source tells.

  sendPulled(items: readonly unknown[], done: (more: boolean) => void, marks?: Marks): boolean {
    return this.sender.sendPulled(items, done, marks)
  }

  get keyOf(): ((item: unknown) => string | undefined) | undefined {
    return this.#plan.key as ((item: unknown) => string | undefined) | undefined
  }

  rejectPulled(item: unknown, error: unknown): void {
    binding.rejectItem(this.handle)
    const now = Date.now()
    this.bury({
      item: item as T,
      error,
      attempts: 1,
      deaths: 0,
      firstAt: now,
      lastAt: now,
      reason: 'failed',
    })
  }

  sourceEnded(failure?: { error: unknown }): void {
    this.#sourceFailure = failure
    if (!this.#end) binding.sourceEnded(this.handle, failure ? toFailure(failure.error) : null)
  }

  // What handlers ask and tell.

  get signal(): AbortSignal {
    return this.#breaking.signal
  }

  sendFrom(consumer: object | undefined, item: T, options?: ItemSendOptions): Promise<void> {
    return this.#sends.send(consumer, item, options)
  }

  get mostAtOnce(): number {
    const { consumers, batch, deadLetters } = this.#plan
    // What handlers have in hand has room for its outcomes.
    const results = this.results && !this.results.ended ? this.capacity : Number.POSITIVE_INFINITY
    const letters = deadLetters.block ? deadLetters.keep : Number.POSITIVE_INFINITY
    return Math.min(consumers, Math.max(1, Math.floor(Math.min(results, letters) / (batch?.size ?? 1))))
  }

  get underWay(): number {
    return this.#callback instanceof LeasedCallback ? this.#callback.underWay : this.consumers
  }

  handlerWaits(): void {
    this.#callback?.handlerWaits()
  }

  handlerEnded(consumer: object): boolean {
    return this.#sends.ended(consumer)
  }

  processedBy(consumer: number): number {
    return this.#end ? 0 : (binding.systemStats(this.handle).consumers[consumer]?.items ?? 0)
  }

  requestStop(): void {
    this.stop(undefined)
  }

  bury(letter: DeadLetter<T>): void {
    // Of others it was told already.
    if (letter.reason === 'failed' && this.#callback instanceof Callback)
      this.attemptFailed(letter.item, letter.error, letter.attempts, undefined)
    this.letters.add(letter)
    this.events.emit('deadLetter', letter)
  }

  get letterRoom(): number {
    return this.letters.room
  }

  attemptFailed(item: T, error: unknown, attempt: number, delay: number | undefined): void {
    if (this.events.has('attemptFailed')) this.events.emit('attemptFailed', { item, error, attempt, delay })
    if (delay !== undefined && this.events.has('retry'))
      this.events.emit('retry', { item, error, attempt, delay })
  }

  workerDied(thread: number, cause: unknown): void {
    this.#outcomes.workerDied(thread, cause)
  }

  workerExited(worker: number, error: unknown): void {
    if (this.events.has('workerExit')) this.events.emit('workerExit', { worker, error })
  }

  // What dead letters ask and tell.

  resend(letter: DeadLetter<T>): Promise<void> {
    return this.sender.send(letter.item)
  }

  lettersKept(change: number): void {
    if (!this.deadLetters.block || this.#end) return
    if (!this.#callback) binding.keepDeadLetters(this.handle, change)
    this.#callback?.work()
  }

  /** Ends what handlers wait for, before what they have is given up. */
  breakOff(): void {
    this.#breakOff(this.breakReason().error)
  }

  breakReason(): { reason: DeadLetterReason; error: Error } {
    if (this.#aborted) return { reason: 'aborted', error: this.#aborted.error }
    return {
      reason: 'timeout',
      error: new TimeoutError(`stop(): expected everything to be settled within ${this.#timeout} ms`),
    }
  }

  // Its ends.

  /** Once it is over the native side knows no more of it; until then its own check says the same. */
  #checkAlive(move: string, expected: string): void {
    if (this.#end) throw illegalMove(move, this.#end.stats.state, expected)
  }

  #checkReady(): void {
    const { state } = binding.systemStats(this.handle)
    if (state !== 'ready') throw illegalMove('start', state, 'ready')
  }

  /** The signal that it was made with has aborted. */
  signalled(): void {
    this.abort(this.#plan.signal?.reason)
  }

  #openResults(): void {
    if (this.#callback) {
      this.results = new Results({
        onRead: () => this.#callback?.work(),
        onBreak: () => this.#callback?.work(),
      })
      return
    }
    callNative(() => binding.wantResults(this.handle))
    this.results = new Results({
      refill: (wait) => (this.#end ? [] : this.#outcomes.takeResults(wait)),
      onBreak: () => {
        if (!this.#end) binding.endResults(this.handle)
      },
    })
  }

  #wasStarted(): void {
    const failure = binding.startFailure(this.handle)
    const starting = this.#starting
    this.#starting = undefined
    release()
    if (failure) {
      starting?.reject(toError(failure))
      return
    }
    // Handlers may have moved it on by now.
    if (this.#state === 'ready') this.#tellState('running')
    this.#source?.start()
    starting?.resolve()
  }

  #lift(): void {
    this.letters.lift()
    // To drain hands items over, and what an abort has found with the handlers is all that they get.
    if (!this.#started || this.#aborted) return
    this.#tellState('draining')
    this.#callback?.drain()
    this.#pool?.drain()
  }

  #breakOff(error: Error): void {
    if (!this.#breaking.signal.aborted) this.#breaking.abort(error)
    this.#callback?.breakOff()
    this.#pool?.breakOff(error)
    if (this.#source instanceof SourcePool) this.#source.abort()
  }

  #deliverDeadLetters(): void {
    for (const letter of this.#outcomes.takeDeadLetters()) {
      this.letters.add(letter)
      this.events.emit('deadLetter', letter)
    }
    // The last listener may have gone, such as one that listened once: then nobody waits for these to be taken.
    this.watch()
  }

  #tellAttempts(): void {
    for (const { item, error, attempt, delay } of this.#outcomes.takeAttempts())
      this.attemptFailed(item, error, attempt, delay)
  }

  #tellDrained(): void {
    if (this.events.has('drained') && !this.liveness.unsettled) this.events.emit('drained', this.stats())
  }

  /** To be called wherever the state may have changed. */
  #tellState(state: SystemState): void {
    // What leaves its start before that is told of was running in between; who hears of that may move it on.
    if (this.#state === 'ready' && this.#started && (state === 'paused' || state === 'draining')) {
      this.#tellState('running')
      if ((this.#state as SystemState) !== 'running') return
    }
    const previous = this.#state
    if (state === previous) return
    this.#state = state
    if (this.events.has('stateChange')) this.events.emit('stateChange', { state, previous })
  }

  #finished(): void {
    const ended = binding.takeReport(this.handle)
    if (ended === null) throw new Error('expected the report of a system that has finished, got none')
    const { stats, unprocessed, detached, sourceFailure } = ended
    this.#outcomes.settleRuns(this.runs)
    this.#deliverDeadLetters()
    // Who aborts it in a listener of its last dead letters comes too late.
    if (stats.state === 'stopped') this.#aborted = undefined
    const report: Report<T> = {
      ...stats,
      unprocessed: unprocessed.flatMap(decodeItems<T>),
      detached,
    }
    this.results?.end(this.#aborted)
    this.#end = { stats }
    this.#tellState(stats.state)
    if (stats.state === 'stopped' && this.events.has('drained')) this.events.emit('drained', stats)
    this.runs.rejectAll(this.refusal())
    if (this.#starting) {
      this.#starting.reject(this.refusal())
      this.#starting = undefined
      release()
    }
    this.#unlisten?.()
    forget(this.handle)
    binding.dropSystem(this.handle)
    this.liveness.over()
    const settle = (): void => {
      this.#closeSink()
      if (sourceFailure) {
        this.#finish.reject(new SourceError(this.#sourceFailure?.error ?? toError(sourceFailure), report))
      } else this.#finish.resolve(report)
      this.liveness.end()
    }
    const workers = [this.#pool, this.#source].filter((part) => part !== undefined && 'close' in part)
    if (workers.length === 0) settle()
    else void Promise.all(workers.map((part) => part.close())).then(settle)
  }

  /** Passes the end down. The native side does so itself where it sends the results. */
  #closeSink(): void {
    const { sink } = this.#plan
    if (!sink?.close || !(this.#callback || this.#pool)) return
    try {
      // One of another make may fail at it: everything that went in has gone in.
      void Promise.resolve(sink.channel.close()).catch(() => {})
    } catch {
      // It is detached here, and so somebody else's to close.
    }
  }

  /** Whether anything is left that nobody told us of, such as what workers sent. */
  #isUnsettled(): boolean {
    if (!this.#pool || this.#end) return false
    const { produced, processed, deadLettered, discarded, waitingSends } = binding.systemStats(this.handle)
    return produced > processed + deadLettered + discarded || waitingSends > 0
  }
}

/** In the words of the native side. */
function illegalMove(move: string, state: SystemState, expected: string): StateError {
  return new StateError(`cannot ${move} a system that is ${state}: expected it to be ${expected}`)
}

/** No closure of the constructor's: V8 has those of one function share what they hold, and another holds the engine. */
function tellSignalled(engine: { signalled(): void }): void {
  engine.signalled()
}

function sendingWith<T, R>(
  sink: ItemChannel<R>,
  batch: BatchPlan | undefined,
): (handler: HandlerFunction<T, R>) => SendingCall<T> {
  if (!batch) return (handler) => sendingTo(sink, handler)
  return (handler) =>
    sendingEachTo(sink, handler as unknown as BatchHandlerFunction<T, R>) as unknown as SendingCall<T>
}
