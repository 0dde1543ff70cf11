/** Numbers that look random and come again with the same seed, which the test prints. MILLRACE_SEED sets it. */
export class Random {
  #state: number

  /** @param printer - what says the seed, such as a test's `t` */
  constructor(
    printer: { log(message: string): void },
    seed = Number(process.env.MILLRACE_SEED ?? Date.now() % 2 ** 31),
  ) {
    printer.log(`seed ${seed}`)
    this.#state = seed
  }

  /** A whole number from 0, below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}
