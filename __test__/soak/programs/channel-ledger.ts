/** What became of each item of a round, noted by all its threads in memory that outlives them. */

/** Threads of a round: workers from 0, and the main thread. */
export const WORKERS = 6
export const MAIN = WORKERS
const THREADS = WORKERS + 1

/** What is known of a send. */
export const Sent = { no: 0, called: 1, admitted: 2, refused: 3 } as const

/**
 * What is known of each thread. `reach`: how many items may be on their way to its code, which are gone if it dies.
 * `firm`: its items below this number were sent in an earlier turn, and outlive it. `blocked`: it is in a native call that
 * blocks. `cancelled`: waits that it broke off.
 */
const CELLS = ['reach', 'firm', 'blocked', 'cancelled'] as const
type Cell = (typeof CELLS)[number]

const COLUMNS = 8

export class Ledger {
  readonly memory: SharedArrayBuffer
  readonly items: number
  /** What is known of each item's send. */
  readonly sent: Uint8Array
  /** How often it was received for good. */
  readonly received: Uint8Array
  readonly leased: Uint8Array
  readonly settled: Uint8Array
  readonly givenBack: Uint8Array
  /** How often an abort gave it back. */
  readonly withdrawn: Uint8Array
  readonly dropped: Uint8Array
  /** A bit for each thread that has a lease of it. */
  readonly held: Uint8Array
  readonly #threads: Int32Array

  /** @param memory - of another thread */
  constructor(items: number, memory = new SharedArrayBuffer(4 * CELLS.length * THREADS + COLUMNS * items)) {
    this.items = items
    this.memory = memory
    this.#threads = new Int32Array(memory, 0, CELLS.length * THREADS)
    let begin = this.#threads.byteLength - items
    const column = (): Uint8Array => {
      begin += items
      return new Uint8Array(memory, begin, items)
    }
    this.sent = column()
    this.received = column()
    this.leased = column()
    this.settled = column()
    this.givenBack = column()
    this.withdrawn = column()
    this.dropped = column()
    this.held = column()
  }

  // What senders note.

  called(from: number, to = from + 1): void {
    this.sent.fill(Sent.called, from, to)
  }

  admitted(from: number, to = from + 1): void {
    this.sent.fill(Sent.admitted, from, to)
  }

  refused(from: number, to = from + 1): void {
    this.sent.fill(Sent.refused, from, to)
  }

  drop(item: number): void {
    Atomics.add(this.dropped, item, 1)
  }

  // What receivers note: a hand-over before all else, what they are about to do with a lease before they do it.

  receive(item: number): void {
    Atomics.add(this.received, item, 1)
  }

  lease(item: number, thread: number): void {
    Atomics.or(this.held, item, 1 << thread)
    Atomics.add(this.leased, item, 1)
  }

  settle(item: number): void {
    Atomics.add(this.settled, item, 1)
  }

  giveBack(item: number): void {
    Atomics.add(this.givenBack, item, 1)
  }

  /** Its lease is over. */
  release(item: number, thread: number): void {
    Atomics.and(this.held, item, 0xff ^ (1 << thread))
  }

  /** An abort gave it back. */
  withdraw(item: number): void {
    Atomics.add(this.withdrawn, item, 1)
  }

  // Threads.

  of(thread: number, cell: Cell): number {
    return Atomics.load(this.#threads, this.#place(thread, cell))
  }

  set(thread: number, cell: Cell, value: number): void {
    Atomics.store(this.#threads, this.#place(thread, cell), value)
  }

  change(thread: number, cell: Cell, by: number): void {
    Atomics.add(this.#threads, this.#place(thread, cell), by)
  }

  #place(thread: number, cell: Cell): number {
    return CELLS.length * thread + CELLS.indexOf(cell)
  }
}
