import { inspect, types } from 'node:util'

/**
 * Where `actual` differs from `expected` as a copy of the same value, undefined where it does not: prototypes, order of
 * keys, holes, -0, and which objects are the same one, all count. It needs no stack for deep values.
 */
export function difference(actual: unknown, expected: unknown): string | undefined {
  const pairs = new Map<unknown, unknown>()
  const taken = new Set<unknown>()
  const open: [actual: unknown, expected: unknown, path: string][] = [[actual, expected, 'value']]
  for (let next = open.pop(); next; next = open.pop()) {
    const [a, e, path] = next
    if (typeof e !== 'object' || e === null) {
      if (!Object.is(a, e)) return `${path}: expected ${inspect(e)}, got ${inspect(a)}`
      continue
    }
    if (typeof a !== 'object' || a === null) return `${path}: expected an object, got ${String(a)}`
    if (pairs.has(e)) {
      if (pairs.get(e) !== a) return `${path}: expected an object that was seen before`
      continue
    }
    if (taken.has(a)) return `${path}: expected an object of its own`
    pairs.set(e, a)
    taken.add(a)
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(e)) return `${path}: another prototype`
    const [parts, expectedParts] = [partsOf(a), partsOf(e)]
    if (parts.length !== expectedParts.length) return `${path}: another number of parts`
    for (let index = parts.length - 1; index >= 0; index--) {
      const [key, part] = parts[index] as [unknown, unknown]
      const [expectedKey, expectedPart] = expectedParts[index] as [unknown, unknown]
      if (key !== expectedKey) return `${path}: expected ${String(expectedKey)}, got ${String(key)}`
      open.push([part, expectedPart, `${path}.${String(key)}`])
    }
  }
  return undefined
}

function partsOf(value: object): [unknown, unknown][] {
  const parts: [unknown, unknown][] = []
  if (ArrayBuffer.isView(value)) {
    parts.push(['bytes', Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')])
    return parts
  }
  if (types.isAnyArrayBuffer(value)) parts.push(['bytes', Buffer.from(value).toString('hex')])
  if (types.isDate(value)) parts.push(['time', value.getTime()])
  if (types.isRegExp(value)) parts.push(['source', String(value)])
  if (types.isBoxedPrimitive(value)) parts.push(['primitive', value.valueOf()])
  if (types.isMap(value))
    for (const [key, part] of value as Map<unknown, unknown>) parts.push(['key', key], ['entry', part])
  if (types.isSet(value)) for (const part of value as Set<unknown>) parts.push(['member', part])
  for (const key of Reflect.ownKeys(value)) parts.push([key, Reflect.get(value, key)])
  return parts
}
