/** What was thrown in a worker, as the native side keeps it. */

import type { NativeFailure } from '../binding.js'
import { toFailure } from '../failure.js'
import { packThrown } from './thrown.js'

/** With all that another thread needs to have it as it was. */
export function toThrownFailure(thrown: unknown): NativeFailure {
  return { ...toFailure(thrown), error: packThrown(thrown) }
}
