/** Batches that a handler gets: how they are made, and what it says of their items. */

import { BatchError, BatchResultError } from './errors.js'

/** How items go together. */
export interface BatchPlan {
  /** The most. */
  readonly size: number
  /** How long the first waits for others, in ms. */
  readonly within: number
}

/** In the place of a result: its item failed. */
export class ItemFailure {
  readonly error: unknown

  /** By which it is known. */
  readonly #failure = true

  constructor(error: unknown) {
    this.error = error
  }

  /** Whatever `outcome` is: what a handler gave may be a proxy, of which even `instanceof` asks. */
  static is(outcome: unknown): outcome is ItemFailure {
    return typeof outcome === 'object' && outcome !== null && #failure in outcome
  }
}

/**
 * What became of each of so many items by what their handler gave: a result, or an `ItemFailure`. Never throws.
 *
 * @param isWanted - whether an item has to have a result
 */
export function outcomesOf(
  value: unknown,
  items: number,
  isWanted: (index: number) => boolean,
): readonly unknown[] {
  const expected = `${EXPECTED} give ${items} results in an array`
  try {
    if (Array.isArray(value) && value.length === items)
      return Array.from({ length: items }, (_, index) => elementOf(value, index))
    const none = new Array<undefined>(items).fill(undefined)
    if (value === undefined && !none.some((_, index) => isWanted(index))) return none
    const got = Array.isArray(value) ? `${value.length}` : typeof value
    return failuresOf(new BatchResultError(`${expected}, got ${got}`), items)
  } catch (cause) {
    return failuresOf(new BatchResultError(`${expected}, got one that can't be read`, { cause }), items)
  }
}

/** An element whose getter throws fails its own item. */
function elementOf(results: readonly unknown[], index: number): unknown {
  try {
    return results[index]
  } catch (error) {
    return new ItemFailure(error)
  }
}

/** The same by what their handler threw. Never throws. */
export function outcomesOfThrown(
  thrown: unknown,
  items: number,
  isWanted: (index: number) => boolean,
): readonly unknown[] {
  try {
    if (!isBatchError(thrown)) return failuresOf(thrown, items)
    // What is no error of ours may give something else each time that it is asked.
    const { errors, results } = thrown
    const outcomes = Array.from({ length: items }, (_, index): unknown => results[index])
    const failed = new Map(errors)
    for (const [index, error] of failed) {
      if (!Number.isInteger(index) || index < 0 || index >= items) {
        const message = `${EXPECTED} name items of the batch, from 0 to ${items - 1}, in its BatchError, got ${String(index)}`
        return failuresOf(new BatchResultError(message, { cause: thrown }), items)
      }
      outcomes[index] = new ItemFailure(error)
    }
    const isMissing = (index: number): boolean =>
      index >= results.length && !failed.has(index) && isWanted(index)
    if (failed.size === 0 || outcomes.some((_, index) => isMissing(index))) {
      const message = `${EXPECTED} name what failed in its BatchError, with ${items} results for the others, got ${failed.size} errors and ${results.length} results`
      return failuresOf(new BatchResultError(message, { cause: thrown }), items)
    }
    return outcomes
  } catch (cause) {
    return failuresOf(new BatchResultError(`${EXPECTED} throw what can be read`, { cause }), items)
  }
}

const EXPECTED = 'batch: expected the handler to'

function failuresOf(error: unknown, items: number): ItemFailure[] {
  return Array.from({ length: items }, () => new ItemFailure(error))
}

/** By its name too: a handler may have our class from another copy of the library. */
function isBatchError(thrown: unknown): thrown is BatchError {
  if (thrown instanceof BatchError) return true
  return thrown instanceof Error && thrown.name === 'BatchError' && 'errors' in thrown && 'results' in thrown
}
