/** Errors that cross into JavaScript and back. */

import type { NativeFailure } from './binding.js'
import {
  AbortedError,
  ClosedError,
  FullError,
  HandlerError,
  HandlerTimeoutError,
  InvalidOptionError,
  MillraceError,
  messageOf,
  StateError,
  WorkerDiedError,
} from './errors.js'
import { unpackThrown } from './modules/thrown.js'

/** The code of a channel for results that was aborted, natively: other than the system's own abort, it fails items. */
const SINK_ABORTED = 'ERR_MILLRACE_SINK_ABORTED'

/** What failed natively, as an error; or what a worker's handler threw, whatever that was. */
export function toThrown(failure: NativeFailure): unknown {
  return failure.error === undefined ? toError(failure) : unpackThrown(failure.error)
}

/** What failed natively, as an error. */
export function toError({ code, message }: NativeFailure): MillraceError {
  if (code === 'ERR_MILLRACE_WORKER_DIED') return new WorkerDiedError(message)
  if (code === 'ERR_MILLRACE_FULL') return new FullError(message)
  if (code === 'ERR_MILLRACE_HANDLER_TIMEOUT') return new HandlerTimeoutError(message)
  if (code === 'ERR_MILLRACE_CLOSED') return new ClosedError(message)
  if (code === 'ERR_MILLRACE_ABORTED' || code === SINK_ABORTED) return new AbortedError(message)
  return new HandlerError(code, message)
}

/** What JavaScript threw, as the native side keeps it. */
export function toFailure(error: unknown): NativeFailure {
  return { code: codeOf(error), message: messageOf(error) }
}

/** Never throws: what was thrown may be anything. */
function codeOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') return thrown.code
  } catch {}
  return 'ERR_MILLRACE_THROWN'
}

/** Calls into the binding, whose errors are plain ones with a code, and throws ours in their place. */
export function callNative<V>(call: () => V): V {
  try {
    return call()
  } catch (error) {
    throw ourError(error)
  }
}

/** An error of ours in place of a plain one with a code that the binding threw; any other as it is, as that of an item's getter. */
export function ourError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MillraceError) return error
  const { code } = error as { code?: unknown }
  if (code === 'ERR_MILLRACE_INVALID_STATE') return new StateError(error.message)
  if (code === 'ERR_MILLRACE_INVALID_OPTION') return InvalidOptionError.parse(error.message)
  return typeof code === 'string' && code.startsWith('ERR_MILLRACE_')
    ? new MillraceError(code, error.message, { cause: error })
    : error
}
