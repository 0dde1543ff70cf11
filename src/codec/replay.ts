/**
 * Lets the serializer take over a value that was read in part. Getters run user code: where that was so, the value is
 * copied by what was read, so that none runs twice.
 */

import { types } from 'node:util'
import { entriesOf, membersOf } from './collections.js'

/**
 * `value`, or a copy of it where reading it once more might not give what was read.
 *
 * @param reads - depth first, for each object its keys, for each array its length, then values; or all numbers of an array
 * in one
 */
export function replay(value: unknown, reads: readonly unknown[]): unknown {
  if (reads.length === 0 || isAsRead(value, new Reads(reads))) return value
  return copy(value, new Reads(reads), new Map())
}

class Reads {
  readonly #values: readonly unknown[]
  #index = 0
  #numbers: Float64Array | undefined
  #number = 0

  constructor(values: readonly unknown[]) {
    this.#values = values
  }

  get left(): boolean {
    return this.#index < this.#values.length || this.#numbers !== undefined
  }

  /** The keys of the object that comes next, or the length of the array. */
  nextKeys(): readonly string[] | number {
    const keys = this.#values[this.#index++]
    if (!(keys instanceof Float64Array)) return keys as readonly string[] | number
    this.#numbers = keys
    this.#number = 0
    return keys.length
  }

  next(): unknown {
    if (!this.#numbers) return this.#values[this.#index++]
    const number = this.#numbers[this.#number++]
    if (this.#number === this.#numbers.length) this.#numbers = undefined
    return number
  }
}

/** Whether all that was read of `value` is still there, in plain properties. */
function isAsRead(value: unknown, reads: Reads): boolean {
  if (!reads.left || !isContainer(value)) return true
  const keys = reads.nextKeys()
  if (typeof keys === 'number' ? (value as unknown[]).length !== keys : !sameKeys(value, keys)) return false
  for (let index = 0, count = countOf(keys); index < count && reads.left; index++) {
    const part = reads.next()
    const now = Object.getOwnPropertyDescriptor(value, keyAt(keys, index))
    if (!now || !('value' in now) || !Object.is(now.value, part) || !isAsRead(part, reads)) return false
  }
  return true
}

function sameKeys(value: object, keys: readonly string[]): boolean {
  const now = Object.keys(value)
  return now.length === keys.length && now.every((key, index) => key === keys[index])
}

function copy(value: unknown, reads: Reads, copies: Map<unknown, unknown>): unknown {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return value
  const known = copies.get(value)
  if (known) return known
  if (isContainer(value)) return copyContainer(value, reads, copies)
  if (types.isMap(value)) {
    const made = new Map<unknown, unknown>()
    copies.set(value, made)
    for (const [key, part] of entriesOf(value)) made.set(copy(key, reads, copies), copy(part, reads, copies))
    return made
  }
  if (types.isSet(value)) {
    const made = new Set<unknown>()
    copies.set(value, made)
    for (const part of membersOf(value)) made.add(copy(part, reads, copies))
    return made
  }
  return value
}

function copyContainer(value: object, reads: Reads, copies: Map<unknown, unknown>): object {
  const keys = reads.left ? reads.nextKeys() : Object.keys(value)
  const made = Array.isArray(value) ? new Array(typeof keys === 'number' ? keys : value.length) : {}
  copies.set(value, made)
  for (let index = 0, count = countOf(keys); index < count; index++) {
    const key = keyAt(keys, index)
    let part: unknown
    if (reads.left) part = reads.next()
    else if (Object.hasOwn(value, key)) part = Reflect.get(value, key)
    // A getter took it away before it was read.
    else continue
    define(made, key, copy(part, reads, copies))
  }
  if (typeof keys === 'number') copyOthers(value, made, copies)
  return made
}

/** Properties of an array that are no elements: of those none was read. */
function copyOthers(array: object, made: object, copies: Map<unknown, unknown>): void {
  for (const name of Object.keys(array))
    if (!isIndex(name)) define(made, name, copy(Reflect.get(array, name), new Reads([]), copies))
}

function isIndex(name: string): boolean {
  return `${Number(name) >>> 0}` === name
}

function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

function countOf(keys: readonly string[] | number): number {
  return typeof keys === 'number' ? keys : keys.length
}

function keyAt(keys: readonly string[] | number, index: number): string {
  return typeof keys === 'number' ? `${index}` : (keys[index] as string)
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
