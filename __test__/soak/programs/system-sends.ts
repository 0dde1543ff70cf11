/** What goes into a system, in ways chosen at random, until all is sent or the system takes no more. */

import type { ItemSendOptions, ProducerConsumerSystem } from '../../../src/index.js'
import type { Random } from '../../helpers/random.js'
import { once, pick } from './chance.js'
import { isCancel, isEnd, limits } from './channel-seat.js'
import { roundItem } from './system-handler.js'
import { count, Sent, type SystemLedger } from './system-ledger.js'
import type { SystemPlan } from './system-plan.js'

export class SystemSends {
  readonly #system: ProducerConsumerSystem<unknown, number>
  readonly #ledger: SystemLedger
  readonly #plan: SystemPlan
  readonly #random: Random
  #next = 0
  #over = false
  /** Waits that were broken off. */
  cancelled = 0

  constructor(
    system: ProducerConsumerSystem<unknown, number>,
    ledger: SystemLedger,
    plan: SystemPlan,
    random: Random,
  ) {
    this.#system = system
    this.#ledger = ledger
    this.#plan = plan
    this.#random = random
  }

  async all(): Promise<void> {
    while (!this.#over && this.#next < this.#plan.items) await pick(this.#random, WAYS)(this)
  }

  some(most: number): number {
    return 1 + this.#random.below(once(this.#random, 2) ? most : Math.ceil(most / 10))
  }

  async one(options?: ItemSendOptions): Promise<void> {
    const item = this.#take()
    if (item === undefined) return
    await this.#sending(item, this.#system.send(roundItem(item, this.#plan.plain), options))
  }

  async limited(): Promise<void> {
    await this.one(limits(this.#random))
  }

  async prior(): Promise<void> {
    const { priorities } = this.#plan
    await this.one(priorities > 0 ? { priority: this.#random.below(priorities) } : {})
  }

  async many(most: number, options?: ItemSendOptions): Promise<void> {
    const from = this.#next
    const to = Math.min(from + most, this.#plan.items)
    this.#next = to
    this.#ledger.sent.fill(Sent.called, from, to)
    const items = Array.from({ length: to - from }, (_, index) => roundItem(from + index, this.#plan.plain))
    try {
      await this.#system.sendMany(items, options)
      this.#ledger.sent.fill(Sent.admitted, from, to)
    } catch (error) {
      const { accepted = 0 } = error as { accepted?: number }
      this.#ledger.sent.fill(Sent.admitted, from, from + accepted)
      this.#ledger.sent.fill(Sent.refused, from + accepted, to)
      this.#mind(error)
    }
  }

  async manyLimited(most: number): Promise<void> {
    await this.many(most, limits(this.#random))
  }

  /** Whether there was room. */
  try(): boolean {
    const item = this.#take()
    if (item === undefined) return false
    try {
      const admitted = this.#system.trySend(roundItem(item, this.#plan.plain))
      this.#ledger.sent[item] = admitted ? Sent.admitted : Sent.refused
      return admitted
    } catch (error) {
      this.#ledger.sent[item] = Sent.refused
      this.#mind(error)
      return false
    }
  }

  /** Whether it was admitted is known only where its result comes. */
  async run(): Promise<void> {
    const item = this.#take()
    if (item === undefined) return
    // One that is broken off may be handled all the same, and its result is dropped.
    const options =
      this.#plan.results.startsWith('read') || !once(this.#random, 5) ? undefined : limits(this.#random)
    try {
      const result = await this.#system.run(roundItem(item, this.#plan.plain), options)
      if (result !== item) throw new Error(`run(${item}): expected its own result, got ${result}`)
      this.#ledger.sent[item] = Sent.admitted
      count(this.#ledger.results, item)
    } catch (error) {
      if (isEnd(error) || isCancel(error)) {
        this.#ledger.sent[item] = Sent.brokenOff
        this.#mind(error)
      }
      // Of a dead letter there is an account.
      else if (!isHandlers(error)) throw error
    }
  }

  #take(): number | undefined {
    if (this.#over || this.#next === this.#plan.items) return undefined
    const item = this.#next++
    this.#ledger.sent[item] = Sent.called
    return item
  }

  async #sending(item: number, sending: Promise<void>): Promise<void> {
    try {
      await sending
      this.#ledger.sent[item] = Sent.admitted
    } catch (error) {
      this.#ledger.sent[item] = Sent.refused
      this.#mind(error)
    }
  }

  #mind(error: unknown): void {
    if (isEnd(error)) this.#over = true
    else if (isCancel(error)) this.cancelled++
    else throw error
  }
}

/** What our handlers throw, and what becomes of those whose workers die. */
function isHandlers(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string }
  return code === 'ERR_MILLRACE_WORKER_DIED' || message === 'late' || /^\d+\.\d+$/.test(message)
}

const WAYS: ((sends: SystemSends) => Promise<unknown>)[] = [
  async (sends) => {
    for (let left = sends.some(50); left > 0; left--) await sends.one()
  },
  (sends) => Promise.all(Array.from({ length: sends.some(100) }, () => sends.one())),
  (sends) => sends.many(sends.some(300)),
  (sends) => Promise.all([sends.many(sends.some(50)), sends.one(), sends.run(), sends.many(sends.some(50))]),
  async (sends) => {
    for (let left = sends.some(5); left > 0; left--) await sends.limited()
    await sends.manyLimited(sends.some(100))
  },
  async (sends) => {
    for (let left = sends.some(100); left > 0 && sends.try(); left--);
    await sends.one()
  },
  (sends) => Promise.all(Array.from({ length: sends.some(50) }, () => sends.run())),
  (sends) => Promise.all(Array.from({ length: sends.some(10) }, () => sends.prior())),
]
