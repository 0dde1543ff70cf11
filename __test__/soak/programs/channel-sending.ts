/** The ways in which a thread sends, chosen at random one after the other. */

import { type ItemSendOptions, select } from '../../../src/index.js'
import { between, once, pick } from './chance.js'
import { isCancel, isEnd, limits, type Seat } from './channel-seat.js'

/** Sends the items from `from` to `to`, until the channel has come to its end. */
export async function sendAll(seat: Seat, from: number, to: number): Promise<void> {
  const sender = new Sender(seat, from, to)
  const ways = seat.fast ? FAST : seat.blocking === 'never' ? WAYS : [...WAYS, ...SYNC]
  while (!sender.over) await pick(seat.random, ways)(sender)
}

type Way = (sender: Sender) => Promise<void> | void

const FAST: Way[] = [
  (sender) => sender.many(between(sender.random, 500, 4000)),
  (sender) => sender.many(between(sender.random, 100, 1000)),
]

const WAYS: Way[] = [
  // One after the other.
  async (sender) => {
    for (let left = sender.some(300); left > 0 && !sender.over; left--) await sender.one()
  },
  // Many that nobody waits for at first.
  async (sender) => {
    await Promise.all(Array.from({ length: sender.some(200) }, () => sender.one()))
  },
  (sender) => sender.many(sender.some(400)),
  async (sender) => {
    await Promise.all([sender.many(sender.some(50)), sender.one(), sender.many(sender.some(50))])
  },
  // Broken off soon.
  async (sender) => {
    for (let left = sender.some(5); left > 0; left--) await sender.one(limits(sender.random))
    await sender.many(sender.some(100), limits(sender.random))
  },
  async (sender) => {
    for (let left = sender.some(100); left > 0 && !sender.over; left--) if (!sender.try()) await sender.one()
  },
  // With what keeps an item from being staged.
  async (sender) => {
    const { random } = sender
    const options: ItemSendOptions = pick(random, [
      { id: 'an id' },
      { headers: { a: 'header' } },
      sender.priorities > 0 ? { priority: random.below(sender.priorities) } : { key: `${random.below(3)}` },
    ])
    await Promise.all(Array.from({ length: sender.some(20) }, () => sender.one(options)))
  },
  async (sender) => {
    for (let left = sender.some(10); left > 0 && !sender.over; left--) await sender.selected()
  },
]

const SYNC: Way[] = [
  (sender) => {
    for (let left = sender.some(100); left > 0 && !sender.over; left--) sender.sync()
  },
]

class Sender {
  over: boolean
  readonly #seat: Seat
  readonly #to: number
  #next: number
  #turnIsNoted = false

  constructor(seat: Seat, from: number, to: number) {
    this.#seat = seat
    this.#next = from
    this.#to = to
    this.over = from === to
    seat.ledger.set(seat.thread, 'firm', from)
  }

  get random(): Seat['random'] {
    return this.#seat.random
  }

  get priorities(): number {
    return this.#seat.priorities
  }

  /** How many to send now: often few, `most` at the most. */
  some(most: number): number {
    return 1 + this.random.below(once(this.random, 2) ? most : Math.ceil(most / 10))
  }

  async one(options?: ItemSendOptions): Promise<void> {
    const { channel, ledger, itemOf } = this.#seat
    const item = this.#take(1)
    if (item === undefined) return
    try {
      // Without options it takes a way of its own.
      const sending = options === undefined ? channel.send(itemOf(item)) : channel.send(itemOf(item), options)
      this.#noteTurn()
      await sending
      ledger.admitted(item)
    } catch (error) {
      ledger.refused(item)
      this.#fail(error)
    }
  }

  async many(count: number, options?: ItemSendOptions): Promise<void> {
    const { channel, ledger, itemOf } = this.#seat
    const from = this.#take(count)
    if (from === undefined) return
    const to = this.#next
    const items = Array.from({ length: to - from }, (_, index) => itemOf(from + index))
    try {
      const sending = options === undefined ? channel.sendMany(items) : channel.sendMany(items, options)
      this.#beFirm()
      await sending
      ledger.admitted(from, to)
    } catch (error) {
      const { accepted = 0 } = error as { accepted?: number }
      ledger.admitted(from, from + accepted)
      ledger.refused(from + accepted, to)
      this.#fail(error)
    }
  }

  /** False where there is no room: the item is the next one's. */
  try(): boolean {
    const { channel, ledger, itemOf } = this.#seat
    const item = this.#take(1)
    if (item === undefined) return true
    try {
      if (channel.trySend(itemOf(item))) {
        this.#beFirm()
        ledger.admitted(item)
        return true
      }
      ledger.refused(item)
      return false
    } catch (error) {
      ledger.refused(item)
      this.#fail(error)
      return true
    }
  }

  sync(): void {
    const { channel, ledger, thread, blocking, itemOf } = this.#seat
    const item = this.#take(1)
    if (item === undefined) return
    const options = blocking === 'for good' && !once(this.random, 4) ? {} : { timeout: this.random.below(4) }
    ledger.set(thread, 'blocked', 1)
    try {
      channel.sendSync(itemOf(item), options)
      this.#beFirm()
      ledger.admitted(item)
    } catch (error) {
      ledger.refused(item)
      this.#fail(error)
    } finally {
      ledger.set(thread, 'blocked', 0)
    }
  }

  async selected(): Promise<void> {
    const { channel, ledger, itemOf } = this.#seat
    const item = this.#take(1)
    if (item === undefined) return
    try {
      const options = once(this.random, 3) ? limits(this.random) : {}
      const selecting = select([channel.sending(itemOf(item))], options)
      this.#beFirm()
      await selecting
      ledger.admitted(item)
    } catch (error) {
      ledger.refused(item)
      this.#fail(error)
    }
  }

  /** The number of the next of up to `count` items. */
  #take(count: number): number | undefined {
    if (this.over) return undefined
    const from = this.#next
    this.#next = Math.min(from + count, this.#to)
    this.over = this.#next === this.#to
    this.#seat.ledger.called(from, this.#next)
    return from
  }

  #fail(error: unknown): void {
    if (isEnd(error)) this.over = true
    else if (isCancel(error)) this.#seat.ledger.change(this.#seat.thread, 'cancelled', 1)
    else throw error
  }

  /** What was sent so far outlives this thread: a call that flushes is through. */
  #beFirm(): void {
    this.#seat.ledger.set(this.#seat.thread, 'firm', this.#next)
  }

  /** What was sent so far outlives this thread once this turn is over. */
  #noteTurn(): void {
    if (this.#turnIsNoted) return
    this.#turnIsNoted = true
    setImmediate(() => {
      this.#turnIsNoted = false
      this.#beFirm()
    })
  }
}
