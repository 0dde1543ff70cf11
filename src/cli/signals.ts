/** What Ctrl-C and SIGTERM do: the first drains, the second aborts, the third exits on the spot. */

import process from 'node:process'

/** The exit code by which a shell knows the signal. */
export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

export type Interrupt = keyof typeof EXIT_CODES

const STEPS = ['drain', 'abort', 'exit'] as const

export type Step = (typeof STEPS)[number]

/**
 * ms in which the same signal again is a copy of the first. Who sends a signal to a process may send it to its group as
 * well, as `timeout` does, or pass on what the terminal has sent to everyone, as npm does; and nobody presses Ctrl-C
 * twice that fast, but whoever holds it down means it once.
 */
export const ECHO = 100

/** Counts interrupts and says what each one asks for. */
export class Escalation {
  #taken = 0
  readonly #last = new Map<Interrupt, number>()

  /** The step that `signal` at `now` (ms) asks for, if it asks for one. */
  next(signal: Interrupt, now: number): Step | undefined {
    const last = this.#last.get(signal)
    this.#last.set(signal, now)
    if (last !== undefined && now - last < ECHO) return undefined
    const step = STEPS[Math.min(this.#taken, STEPS.length - 1)]
    this.#taken++
    return step
  }
}

/** Calls `act` with each step that this process is asked for, until the function it returns is called. */
export function onInterrupt(act: (step: Step, signal: Interrupt) => void): () => void {
  const escalation = new Escalation()
  const listeners = (Object.keys(EXIT_CODES) as Interrupt[]).map((signal) => {
    const listener = () => {
      const step = escalation.next(signal, performance.now())
      if (step) act(step, signal)
    }
    process.on(signal, listener)
    return () => process.off(signal, listener)
  })
  return () => {
    for (const remove of listeners) remove()
  }
}
