/** What became of each item of a system, noted in memory that its workers share. */

/**
 * What is known of a send; of one that may have been admitted or not, nothing but that it was called, or that it was a `run` which
 * was broken off, so that its result was for nobody.
 */
export const Sent = { no: 0, called: 1, admitted: 2, refused: 3, brokenOff: 4 } as const

const COLUMNS = 11

export class SystemLedger {
  readonly memory: SharedArrayBuffer
  readonly items: number
  /** What is known of each item's send. */
  readonly sent: Uint8Array
  /** How often handlers began with it, and how often they were done with it and about to say so. */
  readonly begun: Uint8Array
  readonly finished: Uint8Array
  /** How often a worker was done with it and went on to the next, so that this one can't be in its hands any more. */
  readonly told: Uint8Array
  /** How often its attempts failed for another reason than what its handler said: its worker died, or it took too long. */
  readonly cutShort: Uint8Array
  /** How often it became a dead letter, and how often one of an attempt that was broken off. */
  readonly letters: Uint8Array
  readonly brokenOff: Uint8Array
  /** How often it was sent once more. */
  readonly redriven: Uint8Array
  readonly unprocessed: Uint8Array
  readonly dropped: Uint8Array
  /** How often its result came. */
  readonly results: Uint8Array

  /** @param memory - of another thread */
  constructor(items: number, memory = new SharedArrayBuffer(COLUMNS * items)) {
    this.items = items
    this.memory = memory
    let column = 0
    const next = (): Uint8Array => new Uint8Array(memory, items * column++, items)
    this.sent = next()
    this.begun = next()
    this.finished = next()
    this.told = next()
    this.cutShort = next()
    this.letters = next()
    this.brokenOff = next()
    this.redriven = next()
    this.unprocessed = next()
    this.dropped = next()
    this.results = next()
  }

  /** All that is known of an item. */
  tell(item: number): Record<string, number> {
    const columns = Object.entries(this).filter(([, column]) => column instanceof Uint8Array)
    return { item, ...Object.fromEntries(columns.map(([name, column]) => [name, column[item]])) }
  }
}

/** Counts one more; returns how many there were. */
export function count(column: Uint8Array, item: number): number {
  return Atomics.add(column, item, 1)
}
