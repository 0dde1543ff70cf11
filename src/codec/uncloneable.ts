/** Why a value can't travel. Only looked for once serializing has failed, so that values that can pay nothing. */

import { types } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { describe, UncloneableError } from '../errors.js'
import { entriesOf, membersOf } from './collections.js'
import { refuseEmptied } from './emptied.js'
import { refuseWasmModule } from './wasm.js'

/**
 * Whether a place is being looked for, which reads the value once more: its getters may send what can't travel either, whose
 * getters do so too, and to look there as well would take twice as long for each level.
 */
let isLooking = false

/** An error that names the place inside `value`, called `path`, where serializing fails with `cause`. */
export function explainUncloneable(value: unknown, path: string, cause: unknown): UncloneableError {
  const place = isLooking ? { value, path, cause } : findUncloneable(value, path, cause)
  const reason = place.cause instanceof Error ? place.cause.message : describe(place.cause)
  return new UncloneableError(
    place.path,
    `${place.path}: expected a value that structured clone can copy, got ${describe(place.value)} (${reason})`,
    { cause: place.cause },
  )
}

interface Place {
  value: unknown
  path: string
  cause: unknown
}

/** How far in to look. Each step serializes what is left, so a value that is too deep to serialize must not take all. */
const MAX_DEPTH = 100

/** Follows the first part that can't be serialized either, until none of its own parts is to blame. */
function findUncloneable(value: unknown, path: string, cause: unknown): Place {
  const seen = new Set<unknown>()
  let place: Place = { value, path, cause }
  isLooking = true
  try {
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      seen.add(place.value)
      const inner = firstUncloneablePart(place, seen)
      if (!inner) break
      place = inner
    }
  } finally {
    isLooking = false
  }
  return place
}

function firstUncloneablePart({ value, path }: Place, seen: Set<unknown>): Place | undefined {
  try {
    for (const [name, read] of partsOf(value)) {
      let part: unknown
      try {
        part = read()
        if (!seen.has(part)) check(part)
      } catch (cause) {
        return { value: part, path: `${path}${name}`, cause }
      }
    }
  } catch {
    // Its parts can't even be listed, as those of a revoked proxy: then it is to blame itself.
  }
  return undefined
}

function check(part: unknown): void {
  refuseWasmModule(part)
  const bytes = serialize(part)
  deserialize(bytes)
  refuseEmptied(part, bytes)
}

/** The parts that serializing looks at, each with the end of its path; reading one may run a getter that throws. */
function* partsOf(value: unknown): Generator<[name: string, read: () => unknown]> {
  if (typeof value !== 'object' || value === null) return
  if (types.isMap(value)) {
    for (const [key, entry] of entriesOf(value)) {
      yield [`.key(${describe(key)})`, () => key]
      yield [`.get(${describe(key)})`, () => entry]
    }
  } else if (types.isSet(value)) {
    let index = 0
    for (const entry of membersOf(value)) yield [`.values()[${index++}]`, () => entry]
  } else {
    for (const key of Object.keys(value)) yield [nameOf(value, key), () => Reflect.get(value, key)]
  }
}

function nameOf(value: object, key: string): string {
  if (Array.isArray(value)) return `[${key}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}
