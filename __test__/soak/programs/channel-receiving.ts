/** The ways in which a thread receives, chosen at random one after the other until the channel has come to its end. */

import { Channel, type Lease, select } from '../../../src/index.js'
import { between, once, pick } from './chance.js'
import { isCancel, isEnd, limits, type Seat } from './channel-seat.js'

/** What a thread dies of that throws outside of everything. */
export const DOOMED = 'this thread was to die of it'

/** What becomes of a thread that is going to die. */
export interface Doom {
  /** After how many items; until then it receives as others do. */
  after: number
  /** It keeps all it leases, or never comes back from its own code, until it is terminated; or it ends by itself. */
  how: 'terminated' | 'hoards' | 'spins' | 'exits' | 'throws'
}

/** Receives until the end, or until its doom. */
export async function receiveAll(seat: Seat, doom?: Doom): Promise<void> {
  const receiver = new Receiver(seat, doom)
  const ways = seat.fast ? FAST : seat.blocking === 'never' ? WAYS : [...WAYS, ...SYNC]
  try {
    for (;;) await pick(seat.random, ways)(receiver)
  } catch (error) {
    if (!isEnd(error)) throw error
  }
}

type Way = (receiver: Receiver) => Promise<void> | void

const FAST: Way[] = [
  (receiver) => receiver.iterate(between(receiver.random, 100, 20_000)),
  (receiver) => receiver.many(between(receiver.random, 100, 2000)),
]

const WAYS: Way[] = [
  (receiver) => receiver.iterate(receiver.some(500)),
  async (receiver) => {
    for (let left = receiver.some(100); left > 0; left--) await receiver.one()
  },
  (receiver) => receiver.many(receiver.some(300)),
  (receiver) => receiver.together(receiver.some(10)),
  // All that is there, by turns, so that an empty channel holds nothing up.
  async (receiver) => {
    for (let left = receiver.some(100); left > 0 && receiver.try(); left--);
    await new Promise((resolve) => setImmediate(resolve))
  },
  async (receiver) => {
    for (let left = receiver.some(30); left > 0; left--) await receiver.leases(receiver.some(5))
  },
  async (receiver) => {
    for (let left = receiver.some(10); left > 0; left--) await receiver.selected()
  },
  (receiver) => receiver.detaches(),
]

const SYNC: Way[] = [
  (receiver) => {
    for (let left = receiver.some(100); left > 0; left--) receiver.sync()
  },
]

class Receiver {
  readonly #seat: Seat
  readonly #doom: Doom | undefined
  #seen = 0

  constructor(seat: Seat, doom: Doom | undefined) {
    this.#seat = seat
    this.#doom = doom
  }

  get random(): Seat['random'] {
    return this.#seat.random
  }

  some(most: number): number {
    return 1 + this.random.below(once(this.random, 2) ? most : Math.ceil(most / 10))
  }

  async iterate(count: number): Promise<void> {
    let left = count
    await this.#reaching(1, async () => {
      for await (const item of this.#seat.channel) {
        this.#receive(item)
        if (this.#isDue('spins')) {
          // What it had it has seen.
          this.#seat.ledger.change(this.#seat.thread, 'reach', -1)
          for (;;);
        }
        if (--left === 0) break
      }
    })
  }

  async one(): Promise<void> {
    const options = once(this.random, 20) ? limits(this.random) : undefined
    await this.#cancellable(1, async () => this.#receive(await this.#seat.channel.receive(options)))
  }

  async many(max: number): Promise<void> {
    const options = once(this.random, 5) && !this.#seat.fast ? limits(this.random) : undefined
    await this.#cancellable(max, async () => {
      const items = await this.#seat.channel.receiveMany(max, options)
      for (const item of items) this.#receive(item)
      // Nothing came: the next one is told of the end.
      if (items.length === 0) await this.one()
    })
  }

  /** Several wait at once, some of which are broken off. */
  async together(count: number): Promise<void> {
    const settled = await Promise.allSettled(Array.from({ length: count }, () => this.one()))
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Whether there was an item. */
  try(): boolean {
    this.#seat.ledger.change(this.#seat.thread, 'reach', 1)
    try {
      const taken = this.#seat.channel.tryReceive()
      if (taken) this.#receive(taken.value)
      return taken !== undefined
    } finally {
      this.#seat.ledger.change(this.#seat.thread, 'reach', -1)
    }
  }

  sync(): void {
    const { channel, ledger, thread, blocking } = this.#seat
    const options = blocking === 'for good' && !once(this.random, 4) ? {} : { timeout: this.random.below(4) }
    ledger.change(thread, 'reach', 1)
    ledger.set(thread, 'blocked', 1)
    try {
      this.#receive(channel.receiveSync(options))
    } catch (error) {
      this.#mind(error)
    } finally {
      ledger.set(thread, 'blocked', 0)
      ledger.change(thread, 'reach', -1)
    }
  }

  async selected(): Promise<void> {
    const { channel } = this.#seat
    using never = new Channel()
    await this.#cancellable(1, async () => {
      const cases = [never.receiving(), channel.receiving(), never.receiving()] as const
      const { index, value, done } = await select(cases, once(this.random, 3) ? limits(this.random) : {})
      if (index !== 1) throw new Error(`expected what is ready to happen, got case ${index}`)
      if (done) await this.one()
      else this.#receive(value)
    })
  }

  /** Holds several at once, all of which it lets go of before it waits for anything else. */
  async leases(count: number): Promise<void> {
    const { channel, ledger, thread } = this.#seat
    const held: { item: number; lease: Lease<unknown> }[] = []
    try {
      for (let left = count; left > 0; left--) {
        // With something in hand it must not wait: it may be all that the end is waiting for.
        const options = held.length > 0 ? { timeout: 0 } : once(this.random, 20) ? limits(this.random) : {}
        const lease = await channel.lease(options)
        const item = this.#seat.numberOf(lease.item)
        ledger.lease(item, thread)
        held.push({ item, lease })
        if (this.#isDue('hoards')) await new Promise(() => setInterval(() => {}, 1000))
        this.#countDown()
      }
    } catch (error) {
      this.#mind(error, held.length > 0)
    }
    if (once(this.random, 3)) await new Promise((resolve) => setImmediate(resolve))
    for (const { item, lease } of held) {
      if (lease.attempt < 3 && once(this.random, 5)) {
        ledger.giveBack(item)
        pick(this.random, [() => lease.retry(), () => lease[Symbol.dispose]()])()
      } else {
        ledger.settle(item)
        lease.settle()
      }
      ledger.release(item, thread)
    }
  }

  /** By a handle of its own, which is disposed of with waits and leases of it. */
  async detaches(): Promise<void> {
    const { channel, ledger, thread } = this.#seat
    const waits: Promise<void>[] = []
    let ended: Promise<PromiseSettledResult<void>[]>
    {
      using handle = Channel.attach(channel.token)
      for (let left = this.some(3); left > 0; left--)
        waits.push(this.#cancellable(1, async () => this.#receive(await handle.receive())))
      // From now on, as they may be told of the end while the lease below is waited for.
      ended = Promise.allSettled(waits)
      try {
        const lease = await handle.lease({ timeout: 0 })
        const item = this.#seat.numberOf(lease.item)
        ledger.lease(item, thread)
        this.#countDown()
        ledger.giveBack(item)
        handle[Symbol.dispose]()
        ledger.release(item, thread)
      } catch (error) {
        this.#mind(error, true)
      }
    }
    const settled = await ended
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason
  }

  #receive(item: unknown): void {
    this.#seat.ledger.receive(this.#seat.numberOf(item))
    this.#countDown()
  }

  #countDown(): void {
    this.#seen++
    if (this.#isDue('exits')) process.exit()
    if (this.#isDue('throws') && this.#seen === this.#doom?.after) {
      setImmediate(() => {
        throw new Error(DOOMED)
      })
    }
  }

  #isDue(how: Doom['how']): boolean {
    return this.#doom?.how === how && this.#seen >= this.#doom.after
  }

  /** Up to `count` items may be on their way here while `wait` lasts. */
  async #reaching(count: number, wait: () => Promise<void>): Promise<void> {
    const { ledger, thread } = this.#seat
    ledger.change(thread, 'reach', count)
    try {
      await wait()
    } finally {
      ledger.change(thread, 'reach', -count)
    }
  }

  async #cancellable(count: number, wait: () => Promise<void>): Promise<void> {
    try {
      await this.#reaching(count, wait)
    } catch (error) {
      this.#mind(error)
    }
  }

  /** @param later - whether an end may be told of by the next call as well */
  #mind(error: unknown, later = false): void {
    if (isCancel(error)) this.#seat.ledger.change(this.#seat.thread, 'cancelled', 1)
    else if (!later || !isEnd(error)) throw error
  }
}
