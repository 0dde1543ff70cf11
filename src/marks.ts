/** What a callback consumer did since its last report, in the memory that the native side reads. */

import { type Chunk, Header } from './chunk.js'

/** Counts go up item by item; the native call that reads them clears them. Items belong to a generation, 0 or 1. */
export class Marks {
  readonly #header: Float64Array
  /** Since when the handler's time was not reported. */
  #since = 0
  #any = false

  constructor(chunk: Chunk) {
    this.#header = chunk.header
  }

  /** Whether there is something to report. */
  get any(): boolean {
    return this.#any
  }

  /** The handler begins to work after a pause. */
  begin(now: number): void {
    this.#since = now
  }

  handed(generation: number): void {
    this.#add(Header.Handed + generation)
  }

  processed(generation: number): void {
    this.#add(Header.Processed + generation)
  }

  failed(generation: number): void {
    this.#add(Header.Failed + generation)
  }

  /** How long one item took, in ms. */
  sample(ms: number): void {
    this.#header[Header.Sample] = ms
  }

  /** To be called right before the native call that reads the marks. */
  seal(): void {
    const now = performance.now()
    if (this.#any) this.#header[Header.Busy] = now - this.#since
    this.#since = now
    this.#any = false
  }

  #add(place: number): void {
    this.#header[place] = (this.#header[place] as number) + 1
    this.#any = true
  }
}
