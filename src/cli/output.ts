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
  #timer: NodeJS.Timeout | undefined
  #written: Promise<void> = Promise.resolve()
  #broken = false

  constructor(stream: Writable, options: OutputOptions) {
    this.#stream = stream
    this.#options = options
  }

  /** Adds text. Where a promise comes back, a chunk is on its way, and the caller waits for it. */
  write(text: string): Promise<void> | undefined {
    if (this.#broken) return undefined
    this.#text += text
    if (this.#text.length >= CHUNK) return this.flush()
    this.#timer ??= setTimeout(() => this.flush(), LINGER)
    return undefined
  }

  /** Sends what there is; waits until the stream has taken it, and all before it. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = this.#text
    this.#text = ''
    if (text !== '') this.#written = Promise.all([this.#written, this.#send(text)]).then(() => setImmediate())
    return this.#written
  }

  #send(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#options.around(() => {
        this.#stream.write(text, this.#options.encoding, (error) => {
          if (error) this.#break(error)
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
