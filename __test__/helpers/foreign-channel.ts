import { once } from 'node:events'
import { ClosedError, type ItemChannel, type Lease, type WaitOptions } from '../../src/index.js'

/** A channel of another make: an array in this thread, behind the interface that a system needs. */
export class Queue<T> implements ItemChannel<T> {
  readonly capacity: number
  readonly items: T[] = []
  peak = 0
  leased = 0
  waiting = 0
  closed = false
  readonly #heedsSignals: boolean
  #changed: (() => void)[] = []

  /** @param heedsSignals - whether a lease that waits ends with its signal */
  constructor(capacity: number, heedsSignals = true) {
    this.capacity = capacity
    this.#heedsSignals = heedsSignals
  }

  async send(item: T, options: WaitOptions = {}): Promise<void> {
    while (!this.closed && this.items.length >= this.capacity) await this.#next(options)
    if (this.closed) throw new ClosedError('send: expected an open queue')
    this.items.push(item)
    this.peak = Math.max(this.peak, this.items.length)
    this.#change()
  }

  async sendMany(items: readonly T[], options?: WaitOptions): Promise<void> {
    for (const item of items) await this.send(item, options)
  }

  async receive(options?: WaitOptions): Promise<T> {
    const lease = await this.lease(options)
    lease.settle()
    return lease.item
  }

  async receiveMany(_max: number, options?: WaitOptions): Promise<T[]> {
    return [await this.receive(options)]
  }

  async lease(options: WaitOptions = {}): Promise<Lease<T>> {
    this.waiting++
    try {
      while (!this.closed && this.items.length === 0) await this.#next(this.#heedsSignals ? options : {})
    } finally {
      this.waiting--
    }
    if (this.items.length === 0) throw new ClosedError('lease: expected an item')
    const item = this.items.shift() as T
    this.leased++
    this.#change()
    let over = false
    const end = (back: boolean): void => {
      if (over) return
      over = true
      this.leased--
      if (back) this.items.unshift(item)
      this.#change()
    }
    return {
      item,
      id: '',
      attempt: 1,
      headers: {},
      settle: () => end(false),
      retry: () => end(true),
      [Symbol.dispose]: () => end(true),
    }
  }

  close(): void {
    this.closed = true
    this.#change()
  }

  abort(): void {
    this.items.length = 0
    this.close()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) yield await this.receive()
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error
    }
  }

  /** Waits for the next change. */
  async #next({ signal }: WaitOptions): Promise<void> {
    signal?.throwIfAborted()
    const changed = new Promise<void>((resolve) => this.#changed.push(resolve))
    if (!signal) return changed
    const listening = new AbortController()
    const aborted = once(signal, 'abort', { signal: listening.signal })
    await Promise.race([changed, aborted])
    listening.abort()
    aborted.catch(() => {})
    signal.throwIfAborted()
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve()
  }
}
