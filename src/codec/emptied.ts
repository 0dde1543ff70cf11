/**
 * Objects of Node's own, such as a Blob, of which the serializer makes an empty object: what they are is not in their properties.
 * In Node 20 it refuses them, later ones have it write them.
 */

import { types } from 'node:util'
import { entriesOf, membersOf } from './collections.js'

/** An object without properties, as V8 writes it: few values have one. */
const EMPTY_OBJECT = Buffer.from([0x6f, 0x7b, 0x00])
/** Written as an error without its name and message. It is in the stack that is written. */
const EXCEPTION = Buffer.from('DOMException')

/**
 * @param bytes - what `value` was serialized to
 * @throws {TypeError} for a value with such an object in it
 */
export function refuseEmptied(value: unknown, bytes: Buffer): void {
  if (bytes.includes(EMPTY_OBJECT) || bytes.includes(EXCEPTION)) walk(value)
}

/** Without recursion, because a value may be as deep as the serializer's stack allows; and without running a getter. */
function walk(value: unknown): void {
  const seen = new Set<unknown>()
  const open = [value]
  while (open.length > 0) {
    const part = open.pop()
    if (typeof part !== 'object' || part === null || seen.has(part)) continue
    seen.add(part)
    if (ArrayBuffer.isView(part)) continue
    if (types.isMap(part)) for (const [key, inner] of entriesOf(part)) open.push(key, inner)
    else if (types.isSet(part)) for (const inner of membersOf(part)) open.push(inner)
    const keys = types.isNativeError(part) ? ['cause'] : Object.keys(part)
    if (keys.length === 0 || part instanceof DOMException) check(part)
    for (const key of keys) open.push(Object.getOwnPropertyDescriptor(part, key)?.value)
  }
}

/** Without properties of its own, nothing of it runs in a clone. */
function check(object: object): void {
  const prototype = Object.getPrototypeOf(object)
  if (prototype === Object.prototype || prototype === null || isBuiltIn(object)) return
  const copied = Object.getPrototypeOf(structuredClone(object))
  if (copied !== Object.prototype) throw new TypeError('only Node itself can copy it')
}

/** Whether it is of a sort that the serializer knows. */
function isBuiltIn(object: object): boolean {
  return (
    Array.isArray(object) ||
    types.isMap(object) ||
    types.isSet(object) ||
    types.isDate(object) ||
    types.isRegExp(object) ||
    types.isAnyArrayBuffer(object) ||
    types.isBoxedPrimitive(object)
  )
}
