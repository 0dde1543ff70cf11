/** What views of ArrayBuffers are, whatever properties they were given. */

const PROTOTYPE = Object.getPrototypeOf(Uint8Array.prototype)
const bufferOf = getter<ArrayBufferLike>('buffer')
const offsetOf = getter<number>('byteOffset')
const lengthOf = getter<number>('byteLength')
const resizableOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'resizable')?.get as (
  this: unknown,
) => boolean
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

/** Whether a view without bytes is no view of a buffer that was transferred. Also false where that isn't plain to see. */
export function isPlainlyEmpty(view: Uint8Array): boolean {
  const buffer = bufferOf.call(view)
  try {
    // Throws over one that was transferred; its own `detached` is not in Node 20.
    return !resizableOf.call(buffer) && new Uint8Array(buffer, 0, 0).length === 0
  } catch {
    return false
  }
}

/**
 * For a view that looks empty because its buffer has shrunk below its beginning, or its end: structured clone refuses it, and
 * the serializer does not. A DataView says so itself.
 *
 * @throws {DOMException} as structured clone does
 */
export function checkInBounds(view: object): void {
  if (tagOf.call(view) !== undefined && lengthOf.call(view) === 0 && isResizable(bufferOf.call(view)))
    structuredClone(view)
}

function isResizable(buffer: ArrayBufferLike): boolean {
  try {
    return resizableOf.call(buffer)
  } catch {
    // One that is shared can't shrink.
    return false
  }
}

function getter<V>(key: PropertyKey): (this: unknown) => V {
  return Object.getOwnPropertyDescriptor(PROTOTYPE, key)?.get as (this: unknown) => V
}
