/** Data on its way to stdout, in large chunks and no faster than its reader takes them. */

import type { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'

const CHUNK = 64 * 1024
/** ms that a line waits for others to travel with it. */
const LINGER = 20

export interface OutputOptions {
  encoding: BufferEncoding
  /** Called once when the stream breaks; what is written from then on is dropped. */
  onBroken: (error: NodeJS.ErrnoException) => void
  /** Calls its argument at a moment when the terminal may be written to. */
  around: (write: () => void) => void
}

export class Output {
  readonly #stream: Writable
  readonly #options: OutputOptions
  #text = ''
  /** How many writes are in it. */
  #writes = 0
  #taken = 0
  #timer: NodeJS.Timeout | undefined
  #written: Promise<void> = Promise.resolve()
  #broken = false

  constructor(stream: Writable, options: OutputOptions) {
    this.#stream = stream
    this.#options = options
  }

  /** How many writes the stream has taken. */
  get taken(): number {
    return this.#taken
  }

  /** Adds text. Where a promise comes back, a chunk is on its way, and the caller waits for it. */
  write(text: string): Promise<void> | undefined {
    if (this.#broken) return undefined
    this.#text += text
    this.#writes++
    if (this.#text.length >= CHUNK) return this.flush()
    this.#timer ??= setTimeout(() => this.flush(), LINGER)
    return undefined
  }

  /** Sends what there is; waits until the stream has taken it, and all before it. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = this.#text
    const writes = this.#writes
    this.#text = ''
    this.#writes = 0
    if (text === '') this.#taken += writes
    else this.#written = Promise.all([this.#written, this.#send(text, writes)]).then(() => setImmediate())
    return this.#written
  }

  #send(text: string, writes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.around(() => {
        this.#stream.write(text, this.#options.encoding, (error) => {
          if (error) this.#break(error)
          else this.#taken += writes
          resolve()
        })
      })
    })
  }

  #break(error: Error): void {
    if (this.#broken) return
    this.#broken = true
    this.#text = ''
    this.#options.onBroken(error)
  }
}
