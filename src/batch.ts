/** Batches that a handler gets: how they are made, and what it says of their items. */

import { BatchError, BatchResultError } from './errors.js'

/** How items go together. */
export interface BatchPlan {
  /** The most. */
  readonly size: number
  /** How long the first waits for others, in ms. */
  readonly within: number
}

/**
 * The results of a batch, checked.
 *
 * @param wanted - whether there have to be any
 * @throws {BatchResultError} for anything but one for each item
 */
export function resultsOf(value: unknown, items: number, wanted: boolean): readonly unknown[] {
  if (Array.isArray(value) && value.length === items) return value
  if (value === undefined && !wanted) return []
  const got = Array.isArray(value) ? `${value.length}` : typeof value
  throw new BatchResultError(`batch: expected the handler to give ${items} results in an array, got ${got}`)
}

/** By its name too: a handler may have our class from another copy of the library. Never throws. */
export function isBatchError(thrown: unknown): thrown is BatchError {
  try {
    return thrown instanceof BatchError || (thrown instanceof Error && isLikeOne(thrown))
  } catch {
    return false
  }
}

function isLikeOne(error: Error & Partial<BatchError>): boolean {
  return error.name === 'BatchError' && error.errors instanceof Map && Array.isArray(error.results)
}
