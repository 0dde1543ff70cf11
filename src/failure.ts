/** Errors that cross into JavaScript and back. */

import type { NativeFailure } from './binding.js'
import {
  AbortedError,
  describe,
  HandlerError,
  InvalidOptionError,
  MillraceError,
  StateError,
} from './errors.js'

/** What failed natively, as an error. */
export function toError({ code, message }: NativeFailure): MillraceError {
  return code === 'ERR_MILLRACE_ABORTED' ? new AbortedError(message) : new HandlerError(code, message)
}

/** What JavaScript threw, as the native side keeps it. */
export function toFailure(error: unknown): NativeFailure {
  if (!(error instanceof Error)) return { code: 'ERR_MILLRACE_THROWN', message: describe(error) }
  const { code } = error as { code?: unknown }
  return { code: typeof code === 'string' ? code : 'ERR_MILLRACE_THROWN', message: error.message }
}

/** Calls into the binding, whose errors are plain ones with a code, and throws ours in their place. */
export function callNative<V>(call: () => V): V {
  try {
    return call()
  } catch (error) {
    throw ourError(error)
  }
}

function ourError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MillraceError) return error
  const { code } = error as { code?: unknown }
  if (code === 'ERR_MILLRACE_INVALID_STATE') return new StateError(error.message)
  if (code === 'ERR_MILLRACE_INVALID_OPTION') return InvalidOptionError.parse(error.message)
  return typeof code === 'string' ? new MillraceError(code, error.message, { cause: error }) : error
}
