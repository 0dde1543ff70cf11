/** Handlers that do to their thread what no program should, and then their work. */

/** Every property that is set on an object, or read from one that has none of that name, is known to all. */
export function settersEverywhere(item: number): unknown {
  const names = [
    'type',
    'port',
    'error',
    'value',
    'message',
    'code',
    'kind',
    'bytes',
    'length',
    'done',
    'result',
    '0',
    '1',
  ]
  for (const name of names) {
    for (const { prototype } of [Object, Array]) {
      if (name === 'length' && prototype === Array.prototype) continue
      Object.defineProperty(prototype, name, { configurable: true, get: () => 'inherited', set() {} })
    }
  }
  return { item }
}

/** Nothing that comes with the language can be changed any more, nor can what inherits from it get a name that it has. */
export function frozen(item: number): unknown {
  for (const { prototype } of [Object, Array, Function, Promise, Map, Set, Error, Uint8Array, RegExp, String])
    Object.freeze(prototype)
  Object.freeze(Object)
  Object.freeze(globalThis.Atomics)
  return { item }
}

/** What comes with the language does something else. */
export function replaced(item: number): unknown {
  const wrong = () => {
    throw new Error('replaced')
  }
  const keep = Promise.resolve(item)
  Object.assign(globalThis, {
    setTimeout: wrong,
    setImmediate: wrong,
    queueMicrotask: wrong,
    structuredClone: wrong,
  })
  Object.assign(JSON, { parse: wrong, stringify: wrong })
  Object.assign(Array.prototype, { map: wrong, push: wrong, includes: wrong, [Symbol.iterator]: wrong })
  Object.assign(Map.prototype, { get: wrong, set: wrong, delete: wrong })
  Object.assign(Buffer.prototype, { write: wrong, subarray: wrong, set: wrong })
  return keep
}

/** Every object looks as if it could be waited for. */
export function thenables(item: number): unknown {
  Object.defineProperty(Object.prototype, 'then', {
    configurable: true,
    value(this: unknown, resolve: (value: unknown) => void) {
      resolve(null)
    },
  })
  return { item }
}
