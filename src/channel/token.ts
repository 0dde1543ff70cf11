/** What names a channel in every thread of the process. */

import { InvalidOptionError } from '../errors.js'

declare const carries: unique symbol

/**
 * Names a channel in every thread of the process: a plain object that `workerData`, `postMessage` and
 * `BroadcastChannel` can carry. Whoever has it can attach; its id is random, so nobody else can.
 */
export interface ChannelToken<T = unknown> {
  readonly handle: number
  readonly id: string
  /** Only for types: tokens of channels of other items don't fit. */
  readonly [carries]?: (item: T) => T
}

const ID = /^[0-9a-f]{32}$/

/** @throws {InvalidOptionError} for what no channel has as its token */
export function checkToken<T>(value: ChannelToken<T>): ChannelToken<T> {
  const { handle, id } = read(value)
  if (isHandle(handle) && typeof id === 'string' && ID.test(id)) return { handle, id }
  throw new InvalidOptionError('token', 'the token of a channel', value)
}

function read(value: unknown): { handle?: unknown; id?: unknown } {
  if (typeof value !== 'object' || value === null) return {}
  try {
    const { handle, id } = value as { handle: unknown; id: unknown }
    return { handle, id }
  } catch (cause) {
    throw new InvalidOptionError('token', 'the token of a channel', value, undefined, { cause })
  }
}

function isHandle(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 32
}
