import { setTimeout } from 'node:timers/promises'

/** Numbers that threads share: gates, which are open once they are not 0, and counters. */
export class Cells {
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array

  /** @param memory - how many cells, or those of another thread */
  constructor(memory: number | SharedArrayBuffer) {
    this.memory = typeof memory === 'number' ? new SharedArrayBuffer(4 * memory) : memory
    this.#cells = new Int32Array(this.memory)
  }

  get length(): number {
    return this.#cells.length
  }

  get(cell: number): number {
    return Atomics.load(this.#cells, cell)
  }

  /** Counts one more; returns how many there are now. */
  count(cell: number): number {
    const counted = Atomics.add(this.#cells, cell, 1) + 1
    Atomics.notify(this.#cells, cell)
    return counted
  }

  /** Blocks this thread until the gate is open. */
  wait(gate: number): void {
    while (this.get(gate) === 0) Atomics.wait(this.#cells, gate, 0)
  }

  /** Lets this thread's event loop run until the gate is open. */
  async opened(gate: number): Promise<void> {
    while (this.get(gate) === 0) await setTimeout(1)
  }
}
