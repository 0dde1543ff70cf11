/** What was thrown, on its way between threads. */

import { deserialize, serialize } from 'node:v8'
import { readable } from '../codec/serialize.js'
import { describe, messageOf } from '../errors.js'

interface Packed {
  thrown: unknown
  /** Of an error: what structured clone leaves out. */
  name?: string
  properties?: Record<string, unknown>
}

/** Serializes what was thrown: an error with its name, stack, cause and own properties. Never throws. */
export function packThrown(thrown: unknown): Uint8Array {
  try {
    return readable(serialize(isError(thrown) ? packError(thrown) : ({ thrown } satisfies Packed)))
  } catch {
    return serialize({ thrown: isError(thrown) ? bare(thrown) : describe(thrown) } satisfies Packed)
  }
}

/** What was thrown, as it was. */
export function unpackThrown(bytes: Uint8Array): unknown {
  const { thrown, name, properties } = deserialize(bytes) as Packed
  if (!(thrown instanceof Error)) return thrown
  for (const [key, value] of Object.entries(properties ?? {})) define(thrown, key, value, true)
  if (name !== undefined && name !== thrown.name) define(thrown, 'name', name, false)
  return thrown
}

function packError(error: Error): Packed {
  const properties: Record<string, unknown> = {}
  for (const key of Object.keys(error)) {
    const value = read(error, key)
    if (isCloneable(value)) properties[key] = value
  }
  const name = read(error, 'name')
  return {
    thrown: isCloneable(error) ? error : bare(error),
    ...(typeof name === 'string' && { name }),
    properties,
  }
}

/** Only what people read. */
function bare(error: Error): Error {
  const copy = new Error(messageOf(error))
  const stack = read(error, 'stack')
  if (typeof stack === 'string') copy.stack = stack
  return copy
}

// What was thrown may be anything, such as a revoked proxy, and its properties may throw too.

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error
  } catch {
    return false
  }
}

function read(error: Error, key: string): unknown {
  try {
    return Reflect.get(error, key)
  } catch {
    return undefined
  }
}

function isCloneable(value: unknown): boolean {
  try {
    readable(serialize(value))
    return true
  } catch {
    return false
  }
}

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true })
}
