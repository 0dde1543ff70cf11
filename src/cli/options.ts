/** The command line's flags as commander reads them, and what they mean together. */

import { availableParallelism } from 'node:os'
import type { Span } from './quantities.js'
import { UsageError } from './usage-error.js'

/** Where items come from. */
export type Input =
  | { kind: 'exercise'; delay: Span; limit?: number; duration?: number }
  | { kind: 'lines'; paths: string[] }
  | { kind: 'files'; root: string; glob: string[]; hidden: boolean; ignore: boolean }

/** What is done with each. */
export type Work =
  | { kind: 'sleep'; time: Span }
  | { kind: 'hash'; algorithm: string }
  | { kind: 'module'; file: string }
  | { kind: 'noop' }

/** What `millrace run` was asked to do. Times are in ms. */
export interface RunOptions {
  input: Input
  work: Work
  producers: number
  consumers: number
  capacity: number
  json: boolean
  quiet: boolean
}

/** The flags as given; one that is absent was not given and has no default of its own. */
export interface RunFlags {
  producers?: number
  consumers?: number
  capacity?: number
  duration?: number
  delay?: Span
  work?: Span
  limit?: number
  lines?: string[]
  files?: string
  glob?: string[]
  hidden?: boolean
  ignore?: boolean
  hash?: string
  handler?: string
  json?: boolean
  quiet?: boolean
}

/** What a flag means where it is absent. Times are in ms. */
export const DEFAULTS = {
  producers: 10,
  consumers: 5,
  capacity: 1_000,
  duration: 10_000,
  delay: [1, 10],
  work: [5, 20],
} as const

/**
 * Decides what the flags mean together.
 *
 * @throws {UsageError} for flags that contradict each other.
 */
export function interpret(flags: RunFlags): RunOptions {
  const input = inputOf(flags)
  const exercise = input.kind === 'exercise'
  return {
    input,
    work: workOf(flags, exercise),
    producers: flags.producers ?? (exercise ? DEFAULTS.producers : availableParallelism()),
    consumers: flags.consumers ?? (exercise ? DEFAULTS.consumers : availableParallelism()),
    capacity: flags.capacity ?? DEFAULTS.capacity,
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
  }
}

function inputOf(flags: RunFlags): Input {
  const { lines, files, glob, hidden, ignore, delay, limit, duration } = flags
  if (lines && files !== undefined) throw new UsageError('expected either --lines or --files, got both')
  if (files === undefined) refuse({ glob, hidden, ignore }, 'needs --files')
  if (lines || files !== undefined) {
    refuse({ duration, delay, limit }, `is for the exercise only, not for ${lines ? '--lines' : '--files'}`)
  }
  if (lines) return { kind: 'lines', paths: lines }
  if (files !== undefined) {
    return { kind: 'files', root: files, glob: glob ?? [], hidden: hidden ?? true, ignore: ignore ?? false }
  }
  return {
    kind: 'exercise',
    delay: delay ?? [...DEFAULTS.delay],
    ...(limit !== undefined && { limit }),
    ...endOf(duration, limit),
  }
}

/** A limit ends the exercise by itself, so the default duration is for a run without one. */
function endOf(duration: number | undefined, limit: number | undefined): { duration?: number } {
  if (duration !== undefined) return { duration }
  return limit === undefined ? { duration: DEFAULTS.duration } : {}
}

function workOf({ work, hash, handler }: RunFlags, exercise: boolean): Work {
  const given = Object.entries({ work, hash, handler }).filter(([, value]) => value !== undefined)
  if (given.length > 1) {
    throw new UsageError(
      `expected one of --work, --hash and --handler, got --${given.map(([name]) => name).join(' and --')}`,
    )
  }
  if (hash !== undefined) return { kind: 'hash', algorithm: hash }
  if (handler !== undefined) return { kind: 'module', file: handler }
  if (work !== undefined) return { kind: 'sleep', time: work }
  return exercise ? { kind: 'sleep', time: [...DEFAULTS.work] } : { kind: 'noop' }
}

function refuse(flags: Record<string, unknown>, reason: string): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value !== undefined) throw new UsageError(`--${value === false ? 'no-' : ''}${name} ${reason}`)
  }
}
