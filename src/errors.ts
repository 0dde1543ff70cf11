/** Every error of the library: one class a kind, each with a stable `code`. */

import { getSystemErrorMap, inspect } from 'node:util'
import type { Report } from './report.js'

/** The base of every error that millrace makes. Programs tell errors apart by `code`, which never changes. */
export class MillraceError extends Error {
  /** Stable, for programs: `ERR_MILLRACE_…`, or an operating system's code such as `ENOENT`. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  override get name(): string {
    return this.constructor.name
  }
}

/**
 * An option or argument that can't be used. Nothing was started and nothing was sent. Where the operating system refused
 * a file, `cause` has its code, such as `ENOENT`.
 */
export class InvalidOptionError extends MillraceError {
  /** Which one, as a path: `capacity`, `source.delay`. */
  readonly option: string
  /** What would have been right, in words. */
  readonly expected: string
  /** The value that came. */
  readonly received: unknown

  constructor(option: string, expected: string, received: unknown, hint?: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_INVALID_OPTION', invalidMessage(option, expected, describe(received), hint), options)
    this.option = option
    this.expected = expected
    this.received = received
  }

  /** From a native message, which has the same form; what came is known by its text. */
  static parse(message: string): InvalidOptionError {
    const [, option = 'options', expected = message, received] =
      /^([^:]+): expected (.+), got (.+)$/s.exec(message) ?? []
    const error = new InvalidOptionError(option, expected, received, undefined, systemCause(received))
    // What came is text already: described once more, it would be quoted and cut.
    error.message = message
    return error
  }
}

/** A call that the system's state does not allow, such as `start` after `stop`. */
export class StateError extends MillraceError {
  constructor(message: string) {
    super('ERR_MILLRACE_INVALID_STATE', message)
  }
}

/** The system or channel was stopped or closed before the call: the item did not enter. */
export class ClosedError extends MillraceError {
  /** For `sendMany`: how many of its items, from the first on, were sent. */
  declare accepted?: number
  /** For `select`: which of its cases it was that could not happen. */
  declare index?: number

  constructor(message: string) {
    super('ERR_MILLRACE_CLOSED', message)
  }
}

/** The system or channel was aborted; `cause` is the reason that was given. */
export class AbortedError extends MillraceError {
  /** For `sendMany`: how many of its items, from the first on, were sent. */
  declare accepted?: number
  /** For `select`: which of its cases it was that could not happen. */
  declare index?: number

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_ABORTED', message, options)
  }
}

/** More sends wait than `maxWaiting` allows, or the channel rejects without room: the item did not enter. For `run`: it was dropped. */
export class FullError extends MillraceError {
  /** For `sendMany`: how many of its items, from the first on, were sent. */
  declare accepted?: number

  constructor(message: string) {
    super('ERR_MILLRACE_FULL', message)
  }
}

/** A wait took longer than its `timeout`. */
export class TimeoutError extends MillraceError {
  /** For `sendMany`: how many of its items, from the first on, were sent. */
  declare accepted?: number

  constructor(message: string) {
    super('ERR_MILLRACE_TIMEOUT', message)
  }
}

/** The source failed: `cause` is its error, and `report` says what became of the items that it had made. */
export class SourceError<T = unknown> extends MillraceError {
  /** What the system did until its end. All that was produced is settled. */
  readonly report: Report<T>

  constructor(cause: unknown, report: Report<T>) {
    super('ERR_MILLRACE_SOURCE', `the source failed: ${messageOf(cause)}`, { cause })
    this.report = report
  }
}

/** The token's channel is gone, or never was: closed and drained, aborted, or its creator's environment has ended. */
export class StaleTokenError extends MillraceError {
  constructor(message: string) {
    super('ERR_MILLRACE_STALE_TOKEN', message)
  }
}

/** The handle to the channel was disposed of, or it ended while the call waited. The channel itself may live on. */
export class DetachedError extends MillraceError {
  /** For `sendMany`: how many of its items, from the first on, were sent. */
  declare accepted?: number

  constructor(message: string) {
    super('ERR_MILLRACE_DETACHED', message)
  }
}

/** A call that would block the main thread, whose event loop everything else needs. */
export class MainThreadError extends MillraceError {
  constructor(message: string) {
    super('ERR_MILLRACE_MAIN_THREAD', message)
  }
}

/** A value that can't travel between threads. No item of the call was sent. */
export class UncloneableError extends MillraceError {
  /** Where in the item it is, such as `item.callbacks[0]`. */
  readonly path: string

  constructor(path: string, message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_UNCLONEABLE', message, options)
    this.path = path
  }
}

/** A send from inside a handler that could never complete, because every consumer would then be waiting for room. */
export class WouldDeadlockError extends MillraceError {
  constructor(message: string) {
    super('ERR_MILLRACE_WOULD_DEADLOCK', message)
  }
}

/**
 * A worker thread died, a handler's with the item in hand. `cause` is what ended it, as the event `workerExit` has it: the
 * error gets it once the thread has exited, which may be some milliseconds later, but not after the system has finished.
 */
export class WorkerDiedError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_WORKER_DIED', message, options)
  }
}

/** To be thrown by a handler whose item is not worth another attempt: it is given up at once. */
export class UnrecoverableError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_UNRECOVERABLE', message, options)
  }
}

/** An attempt took longer than `handlerTimeout`. */
export class HandlerTimeoutError extends MillraceError {
  constructor(message: string) {
    super('ERR_MILLRACE_HANDLER_TIMEOUT', message)
  }
}

/** `retryIf` threw, which is the `cause`; `error` is what it was asked about. */
export class RetryIfError extends MillraceError {
  readonly error: unknown

  constructor(error: unknown, options: ErrorOptions) {
    super(
      'ERR_MILLRACE_RETRY_IF',
      `retryIf: expected true or false, but it threw: ${messageOf(options.cause)}`,
      options,
    )
    this.error = error
  }
}

/**
 * To be thrown by a handler of batches some of whose items failed: those at the given places fail with their errors, each by
 * itself, and the others are processed.
 */
export class BatchError extends MillraceError {
  /** What became of each item that failed, by its place in the batch. */
  readonly errors: ReadonlyMap<number, unknown>
  /** The results of the others, at their places. */
  readonly results: readonly unknown[]

  /** @throws {InvalidOptionError} for what is no place in a batch, or no array of results */
  constructor(errors: Iterable<readonly [index: number, error: unknown]>, results: readonly unknown[] = []) {
    const map = new Map(errors)
    for (const index of map.keys())
      if (!Number.isInteger(index) || index < 0)
        throw new InvalidOptionError('errors', 'places from 0', index)
    if (!Array.isArray(results)) throw new InvalidOptionError('results', 'an array', results)
    super('ERR_MILLRACE_BATCH', `${map.size} items of a batch failed`)
    this.errors = map
    this.results = results
  }
}

/** A handler of batches gave something else than a result for each item, or threw a `BatchError` that says no such thing. */
export class BatchResultError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_BATCH_RESULT', message, options)
  }
}

/** A module that was loaded and is not what it should be. */
export class ModuleError extends MillraceError {
  constructor(message: string) {
    super('ERR_MILLRACE_MODULE', message)
  }
}

/** The native binary is missing or can't be loaded: the message names the platform, the package and the cause. */
export class NativeBindingError extends MillraceError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MILLRACE_NATIVE_BINDING', message, options)
  }
}

/** What went wrong natively, in a task or a source; `code` is the system's own where it has one, such as `ENOENT`. */
export class HandlerError extends MillraceError {}

/** A value as a message shows it: short, on one line. Never throws, whatever the value does when it is looked at. */
export function describe(value: unknown): string {
  try {
    if (typeof value === 'function') return `a function${value.name ? ` (${value.name})` : ''}`
    const text = inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 3 })
    return text.length > 100 ? `${text.slice(0, 100)}…` : text
  } catch {
    return 'a value that cannot be shown'
  }
}

/** The text of what was thrown, or was given as a reason. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error && typeof thrown.message === 'string') return thrown.message
  } catch {}
  return describe(thrown)
}

/** What the operating system said, from a text that ends as Rust's errors do: `…: No such file … (os error 2)`. */
function systemCause(text = ''): ErrorOptions | undefined {
  const [, number] = /\(os error (\d+)\)$/.exec(text) ?? []
  const [code] = getSystemErrorMap().get(-Number(number)) ?? []
  return code === undefined ? undefined : { cause: new MillraceError(code, text) }
}

function invalidMessage(option: string, expected: string, received: string, hint?: string): string {
  return `${option}: expected ${expected}, got ${received}${hint === undefined ? '' : `; ${hint}`}`
}
