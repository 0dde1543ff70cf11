/** `millrace run`: makes a system of the options, shows how it goes, and tells how it ended. */

import { once } from 'node:events'
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import { type DeadLetter, ProducerConsumerSystem, SourceError, type SystemStats } from '../index.js'
import { countOf, formatCount, formatElapsed } from './format.js'
import type { RunOptions } from './options.js'
import { Output } from './output.js'
import type { Printer } from './printers.js'
import { failureLine, messageOf, problemLine } from './problems.js'
import { type Progress, progressOn } from './progress.js'
import { remainingText } from './remaining.js'
import { renderReport } from './report.js'
import { printResults } from './results.js'
import { EXIT_CODES, type Interrupt, onInterrupt, type Step } from './signals.js'
import { type Item, makeWorkload } from './workload.js'

/**
 * Runs to the end and gives the exit code. After a second interrupt it ends the process by itself.
 *
 * @throws {UsageError | InvalidOptionError} for options that can't be used; nothing was started
 */
export async function run(options: RunOptions): Promise<number> {
  const { source, handler, printer } = await makeWorkload(options.input, options.work)
  const { producers, consumers, capacity, json } = options
  const system = new ProducerConsumerSystem({ producers, consumers, capacity, source, handler })
  return new Run(system, options, json ? undefined : printer).complete()
}

class Run {
  readonly #system: ProducerConsumerSystem<Item, unknown>
  readonly #options: RunOptions
  readonly #printer: Printer | undefined
  readonly #duration: number | undefined
  readonly #progress: Progress
  readonly #output: Output
  /** Aborts with the system at the second interrupt. */
  readonly #breakOff = new AbortController()
  #ticker: NodeJS.Timeout | undefined
  #interrupt: Interrupt | undefined
  /** Items that failed. */
  #failed = 0
  /** Whether something else went wrong: the source, stdout, a result that could not be printed. */
  #broken = false
  /** Whether stdout is gone, so that there is no one to report to. */
  #cut = false

  constructor(
    system: ProducerConsumerSystem<Item, unknown>,
    options: RunOptions,
    printer: Printer | undefined,
  ) {
    this.#system = system
    this.#options = options
    this.#printer = printer
    this.#duration = options.input.kind === 'exercise' ? options.input.duration : undefined
    this.#progress = progressOn(process.stderr, this.#duration)
    this.#output = new Output(process.stdout, {
      encoding: printer?.encoding ?? 'utf8',
      onBroken: (error) => this.#onCut(error),
      around: (write) => (process.stdout.isTTY ? this.#progress.around(write) : write()),
    })
  }

  async complete(): Promise<number> {
    this.#system.on('deadLetter', (letter) => this.#onDeadLetter(letter))
    const results = this.#printer && this.#system.results()
    // Before the start: the first handler may take its time in there.
    const stopListening = onInterrupt((step, signal) => this.#onInterrupt(step, signal))
    const stopShowing = this.#options.quiet ? () => {} : this.#show()
    const brokenOff = once(this.#breakOff.signal, 'abort')
    let timer: NodeJS.Timeout | undefined
    try {
      await this.#start()
      if (this.#duration !== undefined) timer = setTimeout(() => this.#drain(), this.#duration)
      const ended = this.#ended()
      await Promise.race([Promise.all([ended, results && this.#print(results)]), brokenOff])
      await ended
    } finally {
      clearTimeout(timer)
      stopListening()
      stopShowing()
    }
    return this.#conclude()
  }

  async #start(): Promise<void> {
    try {
      await this.#system.start()
    } catch (error) {
      // Who is told to end before it has started has nothing to start.
      if (this.#interrupt === undefined) throw error
    }
  }

  /** Shows how it goes until the function that comes back is called. */
  #show(): () => void {
    const { producers, consumers, capacity } = this.#options
    const sizes = `${countOf(producers, 'producer')}, ${countOf(consumers, 'consumer')}, capacity ${formatCount(capacity)}`
    const time = this.#duration === undefined ? '' : `, ${formatElapsed(this.#duration)}`
    this.#tell(`${sizes}${time}; Ctrl-C drains`)
    this.#ticker = setInterval(() => this.#update(), this.#progress.interval)
    return () => {
      clearInterval(this.#ticker)
      this.#progress.close()
    }
  }

  #update(): void {
    this.#ticker?.refresh()
    this.#progress.update(this.#system.stats())
  }

  #tell(message: string): void {
    this.#progress.note(problemLine(message))
  }

  #print(results: AsyncIterable<unknown>): Promise<void> {
    return printResults(results, this.#printer as Printer, this.#output, (error) =>
      this.#onProblem(`a result can't be printed: ${messageOf(error)}`),
    )
  }

  async #ended(): Promise<void> {
    try {
      await this.#system.finished
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      this.#onProblem(error.message)
    }
  }

  #drain(): void {
    // How it ends is told by `finished`.
    this.#system.stop().catch(() => {})
    if (this.#ticker) this.#update()
  }

  #onInterrupt(step: Step, signal: Interrupt): void {
    this.#interrupt ??= signal
    switch (step) {
      case 'drain':
        this.#drain()
        this.#tell(`${signal}: draining, ${remainingText(this.#system.stats())}; again aborts`)
        break
      case 'abort':
        this.#system.abort(new Error(`the second ${signal}`)).catch(() => {})
        this.#breakOff.abort()
        break
      case 'exit':
        process.exit(this.#exitCode())
    }
  }

  #onDeadLetter({ item, error, reason }: DeadLetter): void {
    // What an abort took from its handler is part of what was left, not a failure.
    if (reason === 'aborted') return
    this.#failed++
    this.#progress.note(failureLine(item, error))
  }

  #onProblem(message: string): void {
    this.#broken = true
    this.#tell(message)
  }

  /** A reader that has seen enough, such as `head`, ends the run quietly. */
  #onCut(error: NodeJS.ErrnoException): void {
    this.#cut = true
    if (error.code !== 'EPIPE') this.#onProblem(`stdout: ${messageOf(error)}`)
    this.#system.abort(error).catch(() => {})
  }

  async #conclude(): Promise<number> {
    const stats = this.#system.stats()
    const aborted = this.#breakOff.signal.aborted
    if (aborted) {
      // What the reader takes of it takes no time.
      await Promise.race([this.#output.flush(), setImmediate()])
      this.#tell(`${this.#interrupt}: aborted, ${this.#left(stats)}`)
    }
    if (!this.#cut) this.#report(stats)
    const written = this.#output.flush()
    // Who aborts does not wait for a reader of stdout that has stalled, nor for a handler that still runs.
    if (aborted) process.exit(this.#exitCode())
    await written
    return this.#exitCode()
  }

  #left({ produced, processed }: SystemStats): string {
    const items = `${countOf(produced - processed - this.#failed, 'item')} left unprocessed`
    const unprinted = this.#printer ? processed - this.#output.taken : 0
    return unprinted > 0 ? `${items}, at most ${countOf(unprinted, 'result')} not printed` : items
  }

  /** The report is data where there are no results; beside results it is progress. */
  #report(stats: SystemStats): void {
    const { json, quiet } = this.#options
    if (json) void this.#output.write(`${JSON.stringify(stats)}\n`)
    else if (!this.#printer) void this.#output.write(renderReport(stats))
    else if (!quiet) process.stderr.write(renderReport(stats))
  }

  #exitCode(): number {
    if (this.#interrupt) return EXIT_CODES[this.#interrupt]
    return this.#broken || this.#failed > 0 ? 1 : 0
  }
}
