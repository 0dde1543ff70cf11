import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import type { SystemStats } from '../stats.js'
import { type Paint, renderBlock } from './block.js'
import type { Progress } from './progress.js'

/** One block at the bottom of a terminal, drawn over itself; lines that stay scroll above it. */
export class LiveProgress implements Progress {
  readonly interval = 100
  readonly #stream: WriteStream
  readonly #duration: number | undefined
  readonly #paint: Paint
  readonly #draw: ReturnType<typeof createLogUpdate>
  #block = ''

  constructor(stream: WriteStream, duration: number | undefined) {
    this.#stream = stream
    this.#duration = duration
    this.#paint = stream.hasColors() ? paint : (_, text) => text
    this.#draw = createLogUpdate(stream)
  }

  update(stats: SystemStats): void {
    const { columns } = this.#stream
    this.#block = renderBlock(stats, { columns, duration: this.#duration, paint: this.#paint })
    this.#draw(this.#block)
  }

  note(line: string): void {
    this.around(() => this.#stream.write(`${line}\n`))
  }

  around(write: () => void): void {
    this.#draw.clear()
    write()
    if (this.#block !== '') this.#draw(this.#block)
  }

  close(): void {
    this.#block = ''
    this.#draw.clear()
    this.#draw.done()
  }
}

/** Whether the terminal has colours is decided already, of the stream that is drawn on and not of stdout. */
const paint: Paint = (style, text) => styleText(style, text, { validateStream: false })
