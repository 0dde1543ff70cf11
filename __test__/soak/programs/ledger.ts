/** What each thread says of each item, in memory that outlives them all. */

/** What is wrong with the account of a ledger. */
export interface Shortfall {
  lost: number
  duplicated: number
}

const PASSED = 0
const NEXT = 1
const ITEMS = 2

/** In the cell of an item: that it was about to be sent; that it was sent for certain; and how often it was received. */
const OFFERED = 1
const SENT = 2
const RECEIVED = 4

export class Ledger {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array

  /** @param memory - for how many items, or that of another thread */
  constructor(memory: number | SharedArrayBuffer) {
    this.memory = typeof memory === 'number' ? new SharedArrayBuffer(4 * (ITEMS + memory)) : memory
    this.#cells = new Int32Array(this.memory)
  }

  /** How many items have passed hands, in all threads. */
  get passed(): number {
    return Atomics.load(this.#cells, PASSED)
  }

  pass(): void {
    Atomics.add(this.#cells, PASSED, 1)
  }

  /** The numbers of `count` items that nobody else has, as about to be sent; fewer where the ledger is full. */
  offer(count: number): number[] {
    const first = Atomics.add(this.#cells, NEXT, count)
    const end = Math.min(first + count, this.#cells.length - ITEMS)
    const numbers: number[] = []
    for (let n = first; n < end; n++) {
      Atomics.or(this.#cells, ITEMS + n, OFFERED)
      numbers.push(n)
    }
    return numbers
  }

  /** They are in the channel, whatever becomes of this thread now. */
  sent(numbers: readonly number[]): void {
    for (const n of numbers) Atomics.or(this.#cells, ITEMS + n, SENT)
  }

  received(n: number): void {
    Atomics.add(this.#cells, ITEMS + n, RECEIVED)
    this.pass()
  }

  /** How many items there are that were sent and not received, or received more often than once. */
  shortfall(): Shortfall {
    let [lost, duplicated] = [0, 0]
    for (const cell of this.#cells.subarray(ITEMS)) {
      const times = Math.floor(cell / RECEIVED)
      if (times === 0 && (cell & SENT) !== 0) lost++
      // An item that nobody offered came from nowhere.
      if (times > 1 || (times > 0 && (cell & OFFERED) === 0)) duplicated++
    }
    return { lost, duplicated }
  }
}
