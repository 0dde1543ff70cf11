/** `v8.serialize` with what structured clone makes of a Buffer. */

import { DefaultSerializer } from 'node:v8'
import { explainUncloneable } from './uncloneable.js'
import { isUint8Array, plainView } from './views.js'

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
    // Node writes a Buffer as one, while structured clone makes a Uint8Array of it.
    writeHostObject.call(this, isUint8Array(view) ? plainView(view) : view)
  }
}

// Node's types leave it out.
const writeHostObject: (this: ValueSerializer, view: object) => void = Reflect.get(
  DefaultSerializer.prototype,
  '_writeHostObject',
)
