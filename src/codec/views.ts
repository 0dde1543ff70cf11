/** What views of ArrayBuffers are, whatever properties they were given. */

const PROTOTYPE = Object.getPrototypeOf(Uint8Array.prototype)
const bufferOf = getter<ArrayBufferLike>('buffer')
const offsetOf = getter<number>('byteOffset')
const lengthOf = getter<number>('byteLength')
const tagOf = getter<string | undefined>(Symbol.toStringTag)

export function byteLengthOf(view: Uint8Array): number {
  return lengthOf.call(view)
}

/** Faster than `util.types`, which is native. */
export function isUint8Array(value: unknown): value is Uint8Array {
  return tagOf.call(value) === 'Uint8Array'
}

/** The same bytes as a Uint8Array without properties or a class of its own. */
export function plainView(view: Uint8Array): Uint8Array {
  return new Uint8Array(bufferOf.call(view), offsetOf.call(view), lengthOf.call(view))
}

function getter<V>(key: PropertyKey): (this: unknown) => V {
  return Object.getOwnPropertyDescriptor(PROTOTYPE, key)?.get as (this: unknown) => V
}
