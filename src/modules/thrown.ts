/** What was thrown, on its way between threads. */

import { deserialize, serialize } from 'node:v8'
import { describe } from '../errors.js'

interface Packed {
  thrown: unknown
  /** Of an error: what structured clone leaves out. */
  name?: string
  properties?: Record<string, unknown>
}

/** Serializes what was thrown: an error with its name, stack, cause and own properties. Never throws. */
export function packThrown(thrown: unknown): Uint8Array {
  try {
    return serialize(thrown instanceof Error ? packError(thrown) : ({ thrown } satisfies Packed))
  } catch {
    return serialize({ thrown: thrown instanceof Error ? bare(thrown) : describe(thrown) } satisfies Packed)
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
    const value: unknown = Reflect.get(error, key)
    if (isCloneable(value)) properties[key] = value
  }
  return { thrown: isCloneable(error) ? error : bare(error), name: String(error.name), properties }
}

/** Only what people read. */
function bare(error: Error): Error {
  const copy = new Error(String(error.message))
  copy.stack = String(error.stack)
  return copy
}

function isCloneable(value: unknown): boolean {
  try {
    serialize(value)
    return true
  } catch {
    return false
  }
}

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true })
}
