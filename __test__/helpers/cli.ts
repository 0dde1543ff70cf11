import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { ECHO } from '../../src/cli/signals.js'
import type { SystemStats } from '../../src/stats.js'

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** How a program ended. `stdout` has one character a byte. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  cwd?: string
  /** Variables on top of the tests' own. */
  env?: Record<string, string>
  /** Where stdout goes, in place of `stdout`: a file descriptor. */
  stdout?: number
}

/** Runs `millrace` with `args` to its end. */
export function millrace(t: ExecutionContext, args: readonly string[], options?: RunOptions): Promise<Ended> {
  return new Running(t, args, options).toEnd()
}

/** A `millrace` that runs. It is killed when the test ends, should it still run then. */
export class Running {
  readonly child: ChildProcess
  readonly #code: Promise<number | null>
  #stderr = ''
  #onStderr: (() => void) | undefined

  constructor(
    t: ExecutionContext,
    args: readonly string[],
    { cwd, env: variables, stdout }: RunOptions = {},
  ) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { ...process.env, ...variables },
      stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
    })
    t.teardown(() => this.child.kill('SIGKILL'))
    this.#code = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', resolve)
    })
    this.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#stderr += chunk
      this.#onStderr?.()
    })
  }

  /** What was written to stderr until now. */
  get stderr(): string {
    return this.#stderr
  }

  /** Waits until what was written to stderr matches `pattern`; rejects if the program ends before. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false
    void this.#code.then(() => {
      ended = true
      this.#onStderr?.()
    })
    for (;;) {
      const match = pattern.exec(this.#stderr)
      if (match) return match
      if (ended) throw new Error(`expected stderr to match ${pattern}, got ${this.#stderr}`)
      await new Promise<void>((resolve) => {
        this.#onStderr = resolve
      })
    }
  }

  /** Sends a signal, as Ctrl-C does. */
  signal(name: 'SIGINT' | 'SIGTERM'): void {
    this.child.kill(name)
  }

  /** Sends a signal that was sent and answered before, once it no longer counts as a copy of the first. */
  async signalAgain(name: 'SIGINT' | 'SIGTERM'): Promise<void> {
    await setTimeout(2 * ECHO)
    this.signal(name)
  }

  /** Waits for the end, reading what is written to stdout. */
  async toEnd(): Promise<Ended> {
    const stdout = this.child.stdout ? await text(this.child.stdout.setEncoding('latin1')) : ''
    return { code: await this.#code, stdout, stderr: this.#stderr }
  }

  /** Waits for the end and leaves stdout to the test. Null where a signal ended it. */
  async toExit(): Promise<number | null> {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.exitCode
  }
}

/** The one JSON object that is all of `stdout`. */
export function statsIn(t: ExecutionContext, { stdout }: Ended): SystemStats {
  t.regex(stdout, /^\{[^\n]*\}\n$/)
  return JSON.parse(stdout)
}

/** Asserts that every item is accounted for. */
export function conserved(t: ExecutionContext, stats: SystemStats): void {
  const { processed, deadLettered, discarded, retrying, inFlight, queued } = stats
  t.is(stats.produced, processed + deadLettered + discarded + retrying + inFlight + queued)
}
