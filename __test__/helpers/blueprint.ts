/** A value as plain data to make it from: as often as needed, with the same cycles and shared objects, and easy to print. */

import { createSecretKey } from 'node:crypto'

/** Places of objects that were begun before, in the order of their beginning: a shared object, or a cycle. */
export type Blueprint =
  | { is: 'plain'; value: string | number | boolean | bigint | null | undefined }
  | { is: 'repeated'; unit: string; times: number; end: string }
  | { is: 'date'; time: number }
  | { is: 'expression'; source: string; flags: string; lastIndex: number }
  | { is: 'boxed'; value: string | number | boolean | bigint }
  | { is: 'binary'; view: BinaryView; bytes: Uint8Array; before: number; after: number; of: BinaryMemory }
  | { is: 'error'; type: ErrorType; message: string; cause?: Blueprint; name?: string }
  | {
      is: 'record'
      prototype: 'plain' | 'none' | 'class'
      entries: [key: string, part: Blueprint, how: Property][]
    }
  | { is: 'wide'; keys: number; part: Blueprint }
  | { is: 'array'; elements: (Blueprint | { is: 'hole' })[]; more: [key: string, part: Blueprint][] }
  | { is: 'map'; entries: [Blueprint, Blueprint][] }
  | { is: 'set'; members: Blueprint[] }
  | { is: 'again'; place: number }
  | { is: 'refused'; what: Refused }

/** How an object has a property. One that is hidden, or a symbol's, does not travel. */
export type Property = 'value' | 'getter' | 'hidden' | 'symbol'
export type BinaryMemory = 'own' | 'resizable' | 'shared'

const VIEWS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
}
export type BinaryView = keyof typeof VIEWS | 'Buffer' | 'ArrayBuffer'
export const BINARY_VIEWS = [...Object.keys(VIEWS), 'Buffer', 'ArrayBuffer'] as BinaryView[]

const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }
export type ErrorType = keyof typeof ERRORS
export const ERROR_TYPES = Object.keys(ERRORS) as ErrorType[]

class Instance {
  get inherited(): string {
    return 'is not copied'
  }
}

/** What has no copy, in structured clone or in an item; made anew each time. */
const REFUSED = {
  function: () => () => {},
  class: () => class {},
  symbol: () => Symbol('refused'),
  'boxed symbol': () => Object(Symbol('refused')),
  promise: () => Promise.resolve(),
  'weak map': () => new WeakMap(),
  'weak reference': () => new WeakRef({}),
  proxy: () => new Proxy({ a: 1 }, {}),
  generator: () => (function* () {})(),
  'shared memory': () => new SharedArrayBuffer(4),
  // Structured clone copies these, and an item can't hold them: the README says so.
  blob: () => new Blob(['refused']),
  'key object': () => createSecretKey(Buffer.from('refused')),
}
export type Refused = keyof typeof REFUSED
export const ALL_REFUSED = Object.keys(REFUSED) as Refused[]

export interface BuildOptions {
  /** Hears of each getter that is run. */
  onRead?: (key: string) => void
  /** What is in place of what has no copy. */
  refused?: (what: Refused) => unknown
}

/** The value of `blueprint`. */
export function build(
  blueprint: Blueprint,
  { onRead = () => {}, refused = (what) => REFUSED[what]() }: BuildOptions = {},
): unknown {
  const getters = hasGetter(blueprint)
  const made: object[] = []
  const begin = <O extends object>(object: O): O => {
    made.push(object)
    return object
  }
  const make = (part: Blueprint): unknown => {
    switch (part.is) {
      case 'plain':
        return part.value
      case 'repeated':
        return part.unit.repeat(part.times) + part.end
      case 'date':
        return begin(new Date(part.time))
      case 'expression':
        return begin(Object.assign(new RegExp(part.source, part.flags), { lastIndex: part.lastIndex }))
      case 'boxed':
        return begin(Object(part.value))
      case 'binary':
        return begin(binary(part))
      case 'error': {
        const error = begin(new ERRORS[part.type](part.message))
        if (part.cause) error.cause = make(part.cause)
        if (part.name !== undefined) error.name = part.name
        // The same wherever it is made.
        error.stack = `${part.type}: ${part.message}\n    at somewhere`
        return error
      }
      case 'record': {
        const object = begin(
          part.prototype === 'class'
            ? new Instance()
            : Object.create(part.prototype === 'none' ? null : Object.prototype),
        )
        for (const [key, inner, how] of part.entries) define(object, key, make(inner), how, onRead)
        return object
      }
      case 'wide': {
        const object: Record<string, unknown> = begin({})
        const inner = make(part.part)
        for (let key = 0; key < part.keys; key++) object[`key${key}`] = inner
        return object
      }
      case 'array': {
        const array: unknown[] = begin(new Array(part.elements.length))
        for (const [index, element] of part.elements.entries())
          if (element.is !== 'hole') array[index] = make(element)
        for (const [key, inner] of part.more) define(array, key, make(inner), 'value', onRead)
        return array
      }
      case 'map': {
        const map = begin(new Map())
        for (const [key, inner] of part.entries) map.set(make(key), make(inner))
        return map
      }
      case 'set': {
        const set = begin(new Set())
        for (const member of part.members) set.add(make(member))
        return set
      }
      case 'again':
        return made.length === 0 || getters ? undefined : made[part.place % made.length]
      case 'refused':
        return refused(part.what)
    }
  }
  return make(blueprint)
}

/**
 * Where there is one, no object occurs twice: one that is found both in a plain object and in an instance of a class arrives as
 * two, which codec-hostile.spec.ts shows.
 */
function hasGetter(blueprint: Blueprint): boolean {
  switch (blueprint.is) {
    case 'record':
      return blueprint.entries.some(([, part, how]) => how === 'getter' || hasGetter(part))
    case 'array':
      return [...blueprint.elements, ...blueprint.more.map(([, part]) => part)].some(
        (part) => part.is !== 'hole' && hasGetter(part),
      )
    case 'map':
      return blueprint.entries.flat().some(hasGetter)
    case 'set':
      return blueprint.members.some(hasGetter)
    case 'error':
      return blueprint.cause !== undefined && hasGetter(blueprint.cause)
    default:
      return false
  }
}

function binary({ view, bytes, before, after, of }: Extract<Blueprint, { is: 'binary' }>): object {
  // Where a view of wider elements can begin, and whole ones of them.
  const begin = 8 * before
  const content = view.includes('64') ? 8 : view.includes('32') ? 4 : view.includes('16') ? 2 : 1
  const length = bytes.length - (bytes.length % content)
  const size = begin + length + after
  const buffer =
    of === 'shared' && view !== 'ArrayBuffer'
      ? new SharedArrayBuffer(size)
      : of === 'resizable'
        ? Reflect.construct(ArrayBuffer, [size, { maxByteLength: size + 8 }])
        : new ArrayBuffer(size)
  new Uint8Array(buffer).set(bytes.subarray(0, length), begin)
  if (view === 'ArrayBuffer') return buffer
  if (view === 'Buffer') return Buffer.from(buffer, begin, length)
  return Reflect.construct(VIEWS[view], [buffer, begin, length / content])
}

function define(
  object: object,
  key: string,
  value: unknown,
  how: Property,
  onRead: (key: string) => void,
): void {
  const place = how === 'symbol' ? Symbol(key) : key
  // To tell prototypes apart by a look at `__proto__` is fastest, and runs a getter of that name once more than structured clone.
  const isGetter = how === 'getter' && key !== '__proto__'
  const visible = { enumerable: how !== 'hidden', configurable: true }
  Object.defineProperty(
    object,
    place,
    isGetter
      ? {
          ...visible,
          get: () => {
            onRead(key)
            return value
          },
        }
      : { ...visible, value, writable: true },
  )
}
