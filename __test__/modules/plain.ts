/** Handlers without a state. */

import { types } from 'node:util'

export default function double(item: number): number {
  return item * 2
}

export async function later(item: number): Promise<string> {
  await null
  return `number ${item}`
}

export function echo(item: unknown): unknown {
  return item
}

/** Takes half a millisecond: such items are taken one at a time. */
export function soon(item: number): number {
  for (const until = performance.now() + 0.5; performance.now() < until; );
  return item
}

/** A text of as many characters. */
export function text(length: number): string {
  return 'x'.repeat(length)
}

export function nothing(): void {}

export function kindOf(item: unknown): string {
  return types.isTypedArray(item) ? `${item.constructor.name} ${item.length}` : typeof item
}

/** Every fourth: bytes that fit nowhere, something uncloneable, an error, a small number. */
export function mixed(item: number): unknown {
  if (item % 4 === 0) return new Uint8Array(70_000 + item).fill(item)
  if (item % 4 === 1) return () => item
  if (item % 4 === 2) throw new RangeError(`no ${item}`)
  return item
}

class QuotaError extends Error {
  override readonly name = 'QuotaError'
  readonly code = 'EQUOTA'
  constructor(
    message: string,
    readonly left: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

const THROWN: Record<string, () => unknown> = {
  type: () => new TypeError('a type'),
  own: () => new QuotaError('too much', 5, { cause: new RangeError('the cause') }),
  text: () => 'a text',
  nothing: () => undefined,
  record: () => ({ a: [1, new Date(5)] }),
  function: () => () => 1,
  uncloneable: () => Object.assign(new TypeError('with a function'), { callback: () => 1, kept: 2 }),
  'uncloneable cause': () => new TypeError('with a cause', { cause: () => 1 }),
  'message that throws': () =>
    Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('no')
      },
    }),
  'property that throws': () =>
    Object.defineProperty(new TypeError('kept'), 'extra', {
      enumerable: true,
      get() {
        throw new Error('no')
      },
    }),
  'stack that is none': () => Object.assign(new TypeError('no stack'), { stack: Symbol('s') }),
  'name that throws': () =>
    Object.defineProperty(new Error('x'), 'name', {
      get() {
        throw new Error('no')
      },
    }),
  'revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  symbol: () => Symbol('s'),
  cycle: () => {
    const error: Error & { self?: unknown } = new Error('a cycle')
    error.self = error
    return error
  },
  'cause that is itself': () => {
    const error = new RangeError('its own cause')
    error.cause = error
    return error
  },
}

/** Throws, or rejects with, what the item names. */
export function fail(item: string): never {
  throw (THROWN[item] as () => unknown)()
}

export async function reject(item: string): Promise<never> {
  throw (THROWN[item] as () => unknown)()
}

const UNCLONEABLE: Record<string, unknown> = {
  function: () => 1,
  symbol: Symbol('s'),
  nested: { deep: [() => 1] },
  promise: { pending: Promise.resolve() },
}

export function uncloneable(item: string): unknown {
  return UNCLONEABLE[item] ?? item
}

/** Its `then` is no way to a result. */
export function thenable(item: string): unknown {
  if (item === 'throws')
    return Object.defineProperty({}, 'then', {
      get() {
        throw new Error('then throws')
      },
    })
  // biome-ignore lint/suspicious/noThenProperty: that is what is tested
  return { then: (resolve: (value: string) => void) => resolve(item) }
}
