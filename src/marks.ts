/** What a callback consumer did since its last report, on its way to the memory that the native side reads. */

import { type Chunk, Header } from './chunk.js'

type ByGeneration = [number, number]

/**
 * Counts of items, which belong to one of two generations: all items of the chunk in hand to the same one. Those that
 * are settled right away are counted in plain fields, because that is done tens of millions of times a second.
 */
export class Marks {
  readonly #header: Float64Array
  /** Items of the chunk in hand that were handed over. */
  handed = 0
  /** Of those, the ones that were processed, and that failed, before the next was handed over. */
  processed = 0
  failed = 0
  #lateProcessed: ByGeneration = [0, 0]
  #lateFailed: ByGeneration = [0, 0]
  #late = false
  #sample = 0
  /** Since when the handler's time was not reported. */
  #since = 0

  constructor(chunk: Chunk) {
    this.#header = chunk.header
  }

  /** Whether there is something to report. */
  get any(): boolean {
    // An item may be handed over in one report and settled in the next.
    return this.handed + this.processed + this.failed > 0 || this.#late
  }

  /** The handler begins to work after a pause. */
  begin(now: number): void {
    this.#since = now
  }

  /** An item whose promise was pending was processed, or failed. */
  settledLate(generation: number, failed: boolean): void {
    const counts = failed ? this.#lateFailed : this.#lateProcessed
    counts[generation as 0 | 1]++
    this.#late = true
  }

  /** Whether it was said how long an item took. */
  get sampled(): boolean {
    return this.#sample > 0
  }

  /** How long one item took, in ms. */
  sample(ms: number): void {
    this.#sample = ms
  }

  /** Writes it all down for the native call that follows, which clears it. `now` is the time in ms. */
  seal(generation: number, now: number): void {
    const header = this.#header
    if (this.any) {
      const busy = now - this.#since
      header[Header.Handed + generation] = this.handed
      for (const late of [0, 1] as const) {
        const current = late === generation
        header[Header.Processed + late] = this.#lateProcessed[late] + (current ? this.processed : 0)
        header[Header.Failed + late] = this.#lateFailed[late] + (current ? this.failed : 0)
      }
      header[Header.Busy] = busy
      // Items that were settled one after the other took their share of the time each.
      header[Header.Sample] = this.#sample > 0 || this.processed === 0 ? this.#sample : busy / this.processed
      this.handed = this.processed = this.failed = this.#sample = 0
      this.#lateProcessed = [0, 0]
      this.#lateFailed = [0, 0]
      this.#late = false
    }
    this.#since = now
  }
}
