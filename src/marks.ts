/** What a callback consumer did since its last report, on its way to the memory that the native side reads. */

import { type Chunk, Header } from './chunk.js'

/**
 * Counts of items by generation, 0 or 1. Items of the chunk in hand that are settled right away are counted apart,
 * because that is done tens of millions of times a second.
 */
export class Marks {
  readonly #header: Float64Array
  readonly #late = { processed: [0, 0], failed: [0, 0] }
  #any = false
  /** Items of the chunk in hand: handed over, and of those, processed and failed before the next. */
  handed = 0
  processed = 0
  failed = 0
  /** Since when the handler's time was not reported. */
  #since = 0
  #sample = 0

  constructor(chunk: Chunk) {
    this.#header = chunk.header
  }

  /** Whether there is something to report. */
  get any(): boolean {
    return this.#any || this.handed > 0
  }

  /** The handler begins to work after a pause. */
  begin(now: number): void {
    this.#since = now
  }

  /** An item was settled some time after its hand-over. */
  settled(generation: number, outcome: 'processed' | 'failed'): void {
    const counts = this.#late[outcome]
    counts[generation] = (counts[generation] as number) + 1
    this.#any = true
  }
}
