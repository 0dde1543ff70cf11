/** What Ctrl-C and SIGTERM do: the first drains, the second aborts, the third exits on the spot. */

import process from 'node:process'

/** The exit code by which a shell knows the signal. */
export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

export type Interrupt = keyof typeof EXIT_CODES

const STEPS = ['drain', 'abort', 'exit'] as const

export type Step = (typeof STEPS)[number]

/** ms in which a second signal is npm's copy of the first. */
const ECHO = 100

/** Counts interrupts and says what each one asks for. */
export class Escalation {
  #taken = 0
  #last = Number.NEGATIVE_INFINITY

  /**
   * @param echoes whether a parent passes on signals that the terminal has sent to the whole group already, as npm
   * does; without this a single Ctrl-C would count as two.
   */
  constructor(readonly echoes: boolean) {}

  /** The step that a signal at `now` (ms) asks for, if it asks for one. */
  next(now: number): Step | undefined {
    const echo = this.echoes && now - this.#last < ECHO
    this.#last = now
    if (echo) return undefined
    const step = STEPS[Math.min(this.#taken, STEPS.length - 1)]
    this.#taken++
    return step
  }
}

/** Calls `act` with each step that this process is asked for, until the function it returns is called. */
export function onInterrupt(act: (step: Step, signal: Interrupt) => void): () => void {
  const escalation = new Escalation(process.env.npm_lifecycle_event !== undefined)
  const listeners = (Object.keys(EXIT_CODES) as Interrupt[]).map((signal) => {
    const listener = () => {
      const step = escalation.next(performance.now())
      if (step) act(step, signal)
    }
    process.on(signal, listener)
    return () => process.off(signal, listener)
  })
  return () => {
    for (const remove of listeners) remove()
  }
}
