/**
 * What a system with a handler function and one sender must do: one thing after the other, in plain lists. It knows nothing
 * of how the system does it.
 */

import type { DeadLetterReason, SystemState } from '../../src/index.js'

export type Outcome = 'ok' | 'fail' | 'unrecoverable'

export interface Config {
  capacity: number
  consumers: number
  attempts: number
  /** 0 for none. */
  priorities: number
  /** Whether the system gives items their keys, or the sends do. */
  keyOf: boolean
  keep: number
  block: boolean
  results: boolean
}

export interface Plan {
  key: string | undefined
  priority: number
  /** Of each call of the handler; then it succeeds. */
  outcomes: readonly Outcome[]
  /** Whether the handler gives no promise. */
  sync: boolean
}

/** What a promise has come to; several where the design leaves it open. */
export interface Promised {
  outcome: string | readonly string[]
}

/** What can be seen of a system from outside, once nothing moves. */
export interface Seen {
  /** `item@attempt`, in the order of the calls. */
  calls: readonly string[]
  failures: readonly string[]
  letters: readonly string[]
  kept: readonly string[]
  evicted: number
  results: readonly string[]
  stats: Record<string, unknown>
}

interface Entry {
  readonly item: number
  readonly lane: number
  readonly key: string | undefined
  readonly run: Promised | undefined
  attempts: number
  settled: boolean
}

interface Send extends Promised {
  readonly lane: number
  /** Which sends it counts as one with: runs of one turn without options go together. */
  group: object
  readonly many: boolean
  readonly waiting: Entry[]
  readonly admitted: Entry[]
}

interface Letter {
  /** In the order in which they came. */
  readonly number: number
  readonly item: number
  readonly text: string
}

/** Letters on their way back into the channel, one after the other. */
interface Redrive extends Promised {
  readonly letters: Letter[]
  sent: number
  current: { letter: Letter; send: Send } | undefined
}

interface Idle {
  readonly entries: readonly Entry[]
}

const CLOSED = 'ERR_MILLRACE_CLOSED'
const ABORTED = 'ERR_MILLRACE_ABORTED'
const INVALID_STATE = 'ERR_MILLRACE_INVALID_STATE'

export class SystemModel {
  state: SystemState = 'ready'
  /** Of sends, runs and redrives, in the order of the calls. */
  readonly promises: Promised[] = []
  /** What the handler has, in the order in which it got it. */
  readonly inHand: Entry[] = []
  readonly unprocessed: number[] = []
  readonly idles: Idle[] = []
  readonly #config: Config
  readonly #plans: readonly Plan[]
  readonly #entries: Entry[] = []
  readonly #keysOut = new Set<string>()
  readonly #handled = new Map<number, number>()
  readonly #calls: string[] = []
  readonly #failures: string[] = []
  readonly #letters: string[] = []
  readonly #results: string[] = []
  #channel: Entry[] = []
  #returned: Entry[] = []
  #waiting: Send[] = []
  #kept: Letter[] = []
  #evicted = 0
  #redrive: Redrive | undefined
  /** The group of a run that comes now. */
  #runs: object | undefined
  #produced = 0
  #processed = 0
  #failedAttempts = 0

  /** @param plans - of the items, by their numbers; may grow */
  constructor(config: Config, plans: readonly Plan[]) {
    this.#config = config
    this.#plans = plans
  }

  get over(): boolean {
    return this.state === 'stopped' || this.state === 'aborted'
  }

  // What the sender does.

  trySend(item: number, priority: number, key: string | undefined): string {
    this.#runs = undefined
    const refusal = this.#refusal()
    if (refusal !== undefined) return refusal
    if (this.#waiting.length > 0 || this.#channel.length >= this.#config.capacity) return 'false'
    const entry = this.#entry(item, priority, key)
    this.#entries.push(entry)
    this.#admit(entry)
    return 'true'
  }

  send(items: readonly number[], priority: number, key: string | undefined, many: boolean): void {
    this.promises.push(
      this.#send(
        items.map((item) => this.#entry(item, priority, key)),
        many,
      ),
    )
  }

  /** @param plain - whether it has no options */
  run(item: number, priority: number, key: string | undefined, plain: boolean): void {
    const run: Promised = { outcome: 'pending' }
    this.promises.push(run)
    const group = this.#runs
    const send = this.#send([this.#entry(item, priority, key, run)], false)
    if (send.outcome !== 'pending' && send.outcome !== 'done') run.outcome = send.outcome
    if (!plain || this.#config.keyOf) return
    if (group) send.group = group
    this.#runs = send.group
  }

  idle(): void {
    this.idles.push({ entries: this.over ? [] : this.#entries.filter(({ settled }) => !settled) })
  }

  /** Whether an `idle()` must be through, must not be, or may be. */
  isIdle({ entries }: Idle): boolean | undefined {
    if (this.over || this.#entries.every(({ settled }) => settled)) return true
    return entries.every(({ settled }) => settled) ? undefined : false
  }

  // Its moves.

  start(): string {
    if (this.state !== 'ready') return INVALID_STATE
    this.state = 'running'
    return 'done'
  }

  pause(paused: boolean): string {
    if (this.state !== 'running' && this.state !== 'paused') return INVALID_STATE
    this.state = paused ? 'paused' : 'running'
    return 'done'
  }

  stop(): void {
    if (this.state === 'running' || this.state === 'paused') this.state = 'draining'
    if (this.state !== 'ready') return
    this.#breakOff([CLOSED, ABORTED])
    this.state = 'stopped'
  }

  abort(): void {
    if (this.over) return
    for (const entry of this.inHand.splice(0)) {
      this.#failedAttempts++
      this.#giveUp(entry, entry.attempts + 1, 'aborted', ABORTED)
      if (entry.run) entry.run.outcome = ABORTED
    }
    this.#breakOff(ABORTED)
    this.state = 'aborted'
  }

  /** What the handler had `nth` comes to its outcome. */
  settle(nth: number): void {
    const [entry] = this.inHand.splice(nth, 1)
    if (entry) this.#end(entry)
  }

  discard(filter: (item: number) => boolean): number {
    const before = this.#kept.length
    this.#kept = this.#kept.filter(({ item }) => !filter(item))
    return before - this.#kept.length
  }

  get redriving(): boolean {
    return this.#redrive !== undefined
  }

  redrive(filter: (item: number) => boolean): void {
    const letters = this.#kept.filter(({ item }) => filter(item))
    this.#redrive = { letters, sent: 0, current: undefined, outcome: 'pending' }
    this.promises.push(this.#redrive)
  }

  /** Until nothing moves by itself any more. */
  rest(): void {
    this.#runs = undefined
    do this.#work()
    while (this.#goOnRedriving())
    const left = this.inHand.length + this.#channel.length + this.#returned.length + this.#waiting.length
    if (this.state === 'draining' && left === 0) this.state = 'stopped'
  }

  seen(): Seen {
    return {
      calls: this.#calls,
      failures: this.#failures,
      letters: this.#letters,
      kept: this.#kept.map(({ text }) => text),
      evicted: this.#evicted,
      results: this.#results,
      stats: {
        state: this.state,
        capacity: this.#config.capacity,
        queued: this.#channel.length,
        waitingSends: new Set(this.#waiting.map(({ group }) => group)).size,
        produced: this.#produced,
        processed: this.#processed,
        failedAttempts: this.#failedAttempts,
        retrying: this.#returned.length,
        deadLettered: this.#letters.length,
        discarded: this.unprocessed.length,
        inFlight: this.inHand.length,
      },
    }
  }

  // Sends.

  #entry(item: number, priority: number, key: string | undefined, run?: Promised): Entry {
    const { keyOf, priorities } = this.#config
    return {
      item,
      lane: priorities > 0 ? priority : 0,
      key: keyOf ? this.#plans[item]?.key : key,
      run,
      attempts: 0,
      settled: false,
    }
  }

  #refusal(): string | undefined {
    if (this.state === 'aborted') return ABORTED
    return this.state === 'draining' || this.state === 'stopped' ? CLOSED : undefined
  }

  #send(entries: Entry[], many: boolean): Send {
    const lane = entries[0]?.lane ?? 0
    const send: Send = { lane, group: {}, many, waiting: entries, admitted: [], outcome: 'pending' }
    this.#runs = undefined
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      send.outcome = refused(refusal, send)
      return send
    }
    this.#entries.push(...entries)
    this.#waiting.push(send)
    this.#admitWaiting()
    return send
  }

  /** The highest priority first; those of one in the order of the calls. */
  #admitWaiting(): void {
    while (this.#channel.length < this.#config.capacity && this.#waiting.length > 0) {
      const lane = Math.max(...this.#waiting.map((send) => send.lane))
      const send = this.#waiting.find((other) => other.lane === lane) as Send
      this.#admit(this.#leave(send))
    }
  }

  /** The first item that a send waits with. */
  #leave(send: Send): Entry {
    const entry = send.waiting.shift() as Entry
    send.admitted.push(entry)
    if (send.waiting.length > 0) return entry
    this.#waiting = this.#waiting.filter((other) => other !== send)
    send.outcome = 'done'
    return entry
  }

  #admit(entry: Entry): void {
    this.#produced++
    this.#channel.push(entry)
  }

  // Consumers.

  #work(): void {
    while (this.#mayTake()) {
      const entry = this.#next()
      if (!entry) break
      this.#handOver(entry)
    }
  }

  #mayTake(): boolean {
    const { consumers, capacity, results, block, keep } = this.#config
    const busy = this.inHand.length
    if (busy >= consumers) return false
    if (this.state === 'draining') return true
    // Each item in hand has a place kept for its result, and for its letter.
    if (this.state !== 'running' || (results && busy >= capacity)) return false
    return !block || this.#kept.length + busy < keep
  }

  /** Which item a free consumer gets. */
  #next(): Entry | undefined {
    const again = this.#returned.shift()
    if (again) return again
    const lanes = Math.max(1, this.#config.priorities)
    for (let lane = lanes - 1; lane >= 0; lane--) {
      const at = this.#channel.findIndex((entry) => entry.lane === lane && this.#isFree(entry))
      if (at >= 0) {
        const [entry] = this.#channel.splice(at, 1)
        this.#admitWaiting()
        return entry
      }
      // Past a full channel, where there are priorities.
      const send = this.#waiting.find((other) => other.lane === lane)
      if (lanes > 1 && send && this.#isFree(send.waiting[0] as Entry)) {
        this.#produced++
        return this.#leave(send)
      }
    }
    return undefined
  }

  #isFree({ key }: Entry): boolean {
    return key === undefined || !this.#keysOut.has(key)
  }

  #handOver(entry: Entry): void {
    if (entry.key !== undefined) this.#keysOut.add(entry.key)
    this.#calls.push(`${entry.item}@${entry.attempts + 1}`)
    if (this.#plans[entry.item]?.sync) this.#end(entry)
    else this.inHand.push(entry)
  }

  #end(entry: Entry): void {
    const { item, run } = entry
    const call = this.#handled.get(item) ?? 0
    this.#handled.set(item, call + 1)
    const outcome = this.#plans[item]?.outcomes[call] ?? 'ok'
    const text = textOf(item, call)
    if (outcome === 'ok') {
      this.#processed++
      this.#free(entry)
      if (run) run.outcome = `result ${text}`
      else if (this.#config.results) this.#results.push(text)
      return
    }
    this.#failedAttempts++
    entry.attempts++
    const again = outcome === 'fail' && entry.attempts < this.#config.attempts
    this.#failures.push(`${item}@${entry.attempts} ${text} ${again ? 'again' : 'given up'}`)
    if (again) {
      // With its key: no other of it comes in between.
      this.#returned.push(entry)
      return
    }
    if (run) run.outcome = `error ${text}`
    this.#giveUp(entry, entry.attempts, 'failed', text)
  }

  #free(entry: Entry): void {
    entry.settled = true
    if (entry.key !== undefined) this.#keysOut.delete(entry.key)
  }

  #giveUp(entry: Entry, attempts: number, reason: DeadLetterReason, error: string): void {
    this.#free(entry)
    const { keep, block } = this.#config
    const text = letterText(entry.item, attempts, reason, error)
    const letter = { number: this.#letters.length, item: entry.item, text }
    this.#letters.push(letter.text)
    if (!block && this.#kept.length >= keep) {
      this.#evicted++
      this.#kept.shift()
    }
    this.#kept.push(letter)
  }

  #breakOff(code: string | readonly string[]): void {
    for (const entry of [...this.#channel.splice(0), ...this.#returned.splice(0)]) {
      this.unprocessed.push(entry.item)
      if (entry.run) entry.run.outcome = code
    }
    for (const send of this.#waiting.splice(0)) {
      send.outcome = refused(code, send)
      for (const { run } of send.waiting) if (run) run.outcome = code
    }
  }

  // Letters.

  /** Whether one more was sent, or the last one. */
  #goOnRedriving(): boolean {
    const redrive = this.#redrive
    if (!redrive || redrive.current?.send.outcome === 'pending') return false
    if (redrive.current && !this.#isRedriven(redrive, redrive.current)) return true
    redrive.current = undefined
    const letter = redrive.letters.shift()
    if (letter === undefined) {
      redrive.outcome = `redrove ${redrive.sent}`
      this.#redrive = undefined
      return true
    }
    if (!this.#kept.includes(letter)) return true
    this.#kept = this.#kept.filter((other) => other !== letter)
    // There may be room for one more now, and somebody may take something before this one is sent.
    this.#work()
    redrive.current = { letter, send: this.#send([this.#entry(letter.item, 0, undefined)], false) }
    return true
  }

  #isRedriven(redrive: Redrive, { letter, send }: { letter: Letter; send: Send }): boolean {
    if (send.outcome === 'done') {
      redrive.sent++
      return true
    }
    this.#kept = [...this.#kept, letter].sort((a, b) => a.number - b.number)
    redrive.outcome = send.outcome
    this.#redrive = undefined
    return false
  }
}

/** The outcome of a send that is refused; that of many says how many were sent. */
function refused(code: string | readonly string[], { many, admitted }: Send): string | string[] {
  const codes = typeof code === 'string' ? [code] : code
  return codes.map((one) => (many ? `${one} after ${admitted.length}` : one))
}

/** What the handler gives, or throws, in its `call`th call for an item, from 0. */
export function textOf(item: number, call: number): string {
  return `${item}.${call}`
}

export function letterText(item: number, attempts: number, reason: string, error: string): string {
  return `${item} after ${attempts}: ${reason}, ${error}`
}
