/** The `run()` calls that wait for their item's outcome, by the tag that travels with the item. */

interface Run<R> {
  resolve(result: R): void
  reject(error: unknown): void
}

export class Runs<R> {
  readonly #runs = new Map<number, Run<R>>()
  #tags = 0

  /** A tag of its own; 0 is no tag. */
  nextTag(): number {
    return ++this.#tags
  }

  /** Whether the next tag is this one. */
  isNext(tag: number): boolean {
    return this.#tags + 1 === tag
  }

  /** The outcome of the item with `tag`. */
  start(tag: number): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#runs.set(tag, { resolve, reject })
    })
  }

  add(tag: number, resolve: (result: R) => void, reject: (error: unknown) => void): void {
    this.#runs.set(tag, { resolve, reject })
  }

  /** Forgets a run that gave up; its item's outcome is dropped. */
  forget(tag: number): void {
    this.#runs.delete(tag)
  }

  resolve(tag: number, result: R): void {
    this.#take(tag)?.resolve(result)
  }

  reject(tag: number, error: unknown): void {
    this.#take(tag)?.reject(error)
  }

  /** Rejects all that are left. */
  rejectAll(error: unknown): void {
    for (const tag of [...this.#runs.keys()]) this.reject(tag, error)
  }

  #take(tag: number): Run<R> | undefined {
    const run = this.#runs.get(tag)
    this.#runs.delete(tag)
    return run
  }
}
