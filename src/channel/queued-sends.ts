/** Sends that found no room and leave together for the channel's queue: each of them is told of its own end. */

interface QueuedSend {
  resolve(): void
  reject(error: unknown): void
  /** What it was called on is not collected while it waits. */
  readonly owner: object
}

export class QueuedSends {
  readonly #sends: QueuedSend[] = []
  /** How many are through. */
  #through = 0

  /** How many are not through. */
  get waiting(): number {
    return this.#sends.length - this.#through
  }

  add(owner: object): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sends.push({ resolve, reject, owner })
    })
  }

  /** The first `count` were accepted. Gives how many of them were not before. */
  accept(count: number): number {
    const before = this.#through
    while (this.#through < count) this.#sends[this.#through++]?.resolve()
    return count - before
  }

  /** Those that are not through never will be. */
  refuse(error: unknown): void {
    while (this.#through < this.#sends.length) this.#sends[this.#through++]?.reject(error)
  }
}
