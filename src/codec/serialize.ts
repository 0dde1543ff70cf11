/** `v8.serialize` with what structured clone makes of a Buffer. */

import { types } from 'node:util'
import { DefaultSerializer } from 'node:v8'
import { explainUncloneable } from './uncloneable.js'

/**
 * @param value - what to serialize
 * @param original - what it was before it was read in part, to name the place of an error in
 * @throws {UncloneableError} for what can't travel
 */
export function serializeValue(value: unknown, path: string, original = value): Buffer {
  try {
    const serializer = new ValueSerializer()
    serializer.writeHeader()
    serializer.writeValue(value)
    return serializer.releaseBuffer()
  } catch (error) {
    throw explainUncloneable(original, path, error)
  }
}

class ValueSerializer extends DefaultSerializer {
  /** Node calls it for each view of an ArrayBuffer. */
  _writeHostObject(view: object): void {
    const plain = types.isUint8Array(view) ? new Uint8Array(view.buffer, view.byteOffset, view.length) : view
    // Node's own types leave it out: it writes a Buffer as one, while structured clone makes a Uint8Array of it.
    writeHostObject.call(this, plain)
  }
}

const writeHostObject: (this: ValueSerializer, view: object) => void = Reflect.get(
  DefaultSerializer.prototype,
  '_writeHostObject',
)
