/** One round: a system, what is done to it until its end, and the verdict. */

import { inspect } from 'node:util'
import type { Worker } from 'node:worker_threads'
import {
  type Context,
  type DeadLetter,
  handlerModule,
  ProducerConsumerSystem,
  type Report,
  StateError,
  type SystemOptions,
  type SystemState,
} from '../../../src/index.js'
import { turns } from '../../helpers/gate.js'
import { numberOf } from '../../helpers/items.js'
import { between, moment, once, pick } from './chance.js'
import { isCancel, isEnd } from './channel-seat.js'
import type { Round } from './rounds.js'
import type * as Handlers from './system-handler.js'
import { FatefulHandler, type HandlerPlan, roundItem } from './system-handler.js'
import { count, Sent, SystemLedger } from './system-ledger.js'
import { planSystem, type SystemPlan } from './system-plan.js'
import { SystemSends } from './system-sends.js'
import { judgeSystem } from './system-verdict.js'

const HANDLER = new URL('./system-handler.js', import.meta.url)

/** How often an item is sent once more. */
const REDRIVES = 2

/** The worker threads that live. */
const workers = new Set<Worker>()
process.on('worker', (worker) => {
  workers.add(worker)
  worker.on('exit', () => workers.delete(worker))
})

export async function playSystemRound(round: Round): Promise<void> {
  await new SystemRound(round, planSystem(round.random)).play()
}

class SystemRound {
  readonly #round: Round
  readonly #plan: SystemPlan
  readonly #ledger: SystemLedger
  readonly #controller = new AbortController()
  readonly #system: ProducerConsumerSystem<unknown, number>
  readonly #sends: SystemSends
  readonly #redrives: Promise<void>[] = []
  #deaths = 0
  #allResults = false

  constructor(round: Round, plan: SystemPlan) {
    this.#round = round
    this.#plan = plan
    this.#ledger = new SystemLedger(plan.items)
    this.#system = new ProducerConsumerSystem<unknown, number>(this.#options())
    this.#sends = new SystemSends(this.#system, this.#ledger, plan, round.random)
    round.describe = () => inspect({ plan, stats: this.#system.stats() }, { depth: 4 })
    this.#listen()
  }

  async play(): Promise<void> {
    const { ending, results, input } = this.#plan
    const reading = results === 'none' ? undefined : this.#read()
    const sends = (): Promise<void> => (input === 'sends' ? this.#sends.all() : Promise.resolve())
    let sending: Promise<void> | undefined
    if (ending === 'unstarted' || once(this.#round.random, 3)) sending = sends()
    if (ending !== 'unstarted') await this.#system.start()
    sending ??= sends()
    const disturbing = Promise.all([this.#pause(), this.#terminate()])
    const report = await this.#end(sending)
    await Promise.all([sending, reading, disturbing, ...this.#redrives])
    this.#conclude(report)
  }

  #options(): SystemOptions<unknown, number> {
    const { handler, input, results, priorities, maxWaiting, batch } = this.#plan
    const { consumers, capacity, overflow, retry, deadLetters, rates, seed } = this.#plan
    const { items, memory } = this.#ledger
    const plan: HandlerPlan = { items, memory, seed, rates }
    const own = new FatefulHandler(plan)
    const module = handlerModule<typeof Handlers, 'many'>(HANDLER, {
      export: (batch ? 'many' : 'default') as 'many',
      init: plan,
    })
    const asFunction = batch
      ? (items: unknown[], context: Context) => own.many(items, context)
      : (item: unknown, context: Context) => own.one(item, context)
    return {
      consumers,
      capacity,
      overflow,
      retry,
      deadLetters,
      handler: handler === 'module' ? module : asFunction,
      results: results !== 'none',
      signal: this.#controller.signal,
      onDrop: (item: unknown) => count(this.#ledger.dropped, numberOf(item)),
      ...(batch && { batch }),
      ...(priorities > 0 && { priorities }),
      ...(maxWaiting !== undefined && { maxWaiting }),
      ...(input === 'iterable' && { source: { [Symbol.iterator]: () => this.#made() } }),
      ...(input === 'generator' && { source: () => this.#madeSlowly() }),
    } as unknown as SystemOptions<unknown, number>
  }

  *#made(): Generator<unknown> {
    for (let item = 0; item < this.#plan.items; item++) {
      this.#ledger.sent[item] = Sent.called
      yield roundItem(item, this.#plan.plain)
    }
  }

  async *#madeSlowly(): AsyncGenerator<unknown> {
    for (const item of this.#made()) {
      if (once(this.#round.random, 50)) await turns(this.#round.random.below(3))
      yield item
    }
  }

  #listen(): void {
    const { cutShort, letters, brokenOff } = this.#ledger
    this.#system.on('attemptFailed', ({ item, error }) => {
      if ((error as { code?: string }).code === 'ERR_MILLRACE_WORKER_DIED') count(cutShort, numberOf(item))
    })
    this.#system.on('workerExit', () => {
      this.#deaths++
    })
    this.#system.on('deadLetter', (letter) => {
      const item = numberOf(letter.item)
      count(letters, item)
      if (letter.reason === 'aborted' || letter.reason === 'timeout') count(brokenOff, item)
      this.#redrives.push(this.#treat(letter, item))
    })
  }

  /** Sends it once more, throws it away, or leaves it where that is allowed. */
  async #treat(letter: DeadLetter, item: number): Promise<void> {
    const { random } = this.#round
    const { deadLetters } = this.#system
    const { redriven } = this.#ledger
    const blocks = this.#plan.deadLetters.whenFull === 'block'
    if ((redriven[item] as number) < REDRIVES && once(random, blocks ? 2 : 4)) {
      try {
        for (let sent = await deadLetters.redrive((kept) => kept === letter); sent > 0; sent--)
          count(redriven, item)
        return
      } catch (error) {
        if (!isEnd(error) && !isCancel(error)) throw error
      }
    }
    if (blocks) deadLetters.discard((kept) => kept === letter)
  }

  async #read(): Promise<void> {
    const { random } = this.#round
    const { results, items } = this.#plan
    let left = results === 'broken off' ? random.below(items) : Number.POSITIVE_INFINITY
    try {
      for await (const item of this.#system.results()) {
        count(this.#ledger.results, item)
        if (results === 'read slowly' && once(random, 20)) await turns(random.below(5))
        if (left-- <= 0) return
      }
    } catch (error) {
      if (!isEnd(error)) throw error
    }
    this.#allResults = true
  }

  async #pause(): Promise<void> {
    const { random } = this.#round
    for (let left = this.#plan.pauses; left > 0; left--) {
      await moment(random)
      if (!this.#move('running', 'pause')) return
      await moment(random)
      if (!this.#move('paused', 'resume')) return
    }
  }

  /** Whether it did. One whose source ends drains by itself, also between a look at its state and the call. */
  #move(from: SystemState, call: 'pause' | 'resume'): boolean {
    if (this.#system.stats().state !== from) return false
    try {
      this.#system[call]()
      return true
    } catch (error) {
      if (error instanceof StateError && this.#system.stats().state !== from) return false
      throw error
    }
  }

  async #terminate(): Promise<void> {
    const { random, tally } = this.#round
    for (let left = this.#plan.terminations; left > 0; left--) {
      await moment(random)
      const victim = pick(random, [...workers])
      if (!victim) return
      tally.tried('terminations')
      await victim.terminate()
    }
  }

  async #end(sending: Promise<void>): Promise<Report> {
    const { random, tally } = this.#round
    const { ending, input } = this.#plan
    const system = this.#system
    tally.tried(['aborted', 'by signal', 'not drained'].includes(ending) ? 'aborts' : 'closes')
    switch (ending) {
      case 'all sent':
      case 'idle':
        if (input !== 'sends') return system.finished
        await sending
        if (ending === 'idle') await system.idle()
        return system.stop()
      case 'unstarted':
        await moment(random)
        return system.stop()
    }
    await moment(random)
    switch (ending) {
      case 'stopped':
        return system.stop()
      case 'timed out':
        return system.stop({ timeout: between(random, 0, 20) })
      case 'not drained':
        return system.stop({ drain: false })
      case 'aborted':
        return system.abort(new Error('enough'))
      case 'by signal':
        this.#controller.abort(new Error('enough'))
        return system.finished
    }
  }

  #conclude(report: Report): void {
    const { tally, figure } = this.#round
    const { ending, input, batch, handler, consumers } = this.#plan
    const ledger = this.#ledger
    for (const item of report.unprocessed) count(ledger.unprocessed, numberOf(item))
    // A source that came to its end was taken whole.
    if (input !== 'sends' && (ending === 'all sent' || ending === 'idle')) ledger.sent.fill(Sent.admitted)
    // One that dies while nobody needs it any more is not told of.
    const deaths = handler === 'module' ? this.#deaths + consumers : 0
    const verdict = judgeSystem(ledger, {
      report,
      allResults: this.#allResults,
      atDeath: deaths * (batch?.size ?? 1),
    })
    const aborted = ['aborted', 'by signal', 'not drained'].includes(ending)
    if (report.state === 'aborted' && !aborted) verdict.impossible.push('it was aborted unasked')
    if (report.detached.length > 0) verdict.impossible.push(`threads were left behind: ${report.detached}`)
    const told = (): string => {
      const wrong = [...verdict.lost, ...verdict.duplicated].slice(0, 5).map((item) => ledger.tell(item))
      return inspect({ plan: this.#plan, verdict, wrong, report: withoutThreads(report) }, { depth: 5 })
    }
    const { lost, duplicated, impossible } = verdict
    if (lost.length > 0) tally.wrong('lost', `${lost.length} items: ${told()}`, lost.length)
    if (duplicated.length > 0)
      tally.wrong('duplicated', `${duplicated.length} items: ${told()}`, duplicated.length)
    if (impossible.length > 0) tally.wrong('crashes', told())
    tally.tried('items', verdict.admitted)
    figure(`items of ${handler}s`, verdict.admitted)
    figure('attempts that failed', report.failedAttempts)
    figure('dead letters', report.deadLettered)
    figure('worker deaths', this.#deaths)
    figure('waits broken off', this.#sends.cancelled)
  }
}

function withoutThreads({ latency, producers, consumers, throughput, waiting, ...report }: Report): object {
  return report
}
