/** `v8.serialize` with what structured clone makes of a Buffer. */

import { DefaultSerializer, deserialize } from 'node:v8'
import { checkDepth, mayNestTooDeep } from './depth.js'
import { refuseEmptied } from './emptied.js'
import { explainUncloneable } from './uncloneable.js'
import { checkInBounds, isUint8Array, plainView } from './views.js'

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
    const bytes = readable(serializer.releaseBuffer())
    refuseEmptied(value, bytes)
    return bytes
  } catch (error) {
    throw explainUncloneable(original, path, error)
  }
}

/**
 * `bytes`, if they can be read again. An error whose cause leads back to it is written all the same, and V8 of Node 20
 * can't read it: better that its sender knows than its receiver. The same goes for what is so deep that it can be written and
 * not be read: V8 takes more of the stack to read a level, and other threads have other stacks.
 *
 * @throws what reading them throws
 */
export function readable(bytes: Buffer): Buffer {
  if (mayNestTooDeep(bytes)) checkDepth(deserialize(bytes))
  else if (mayLeadBack(bytes)) deserialize(bytes)
  return bytes
}

/** Whether there may be an error in it whose cause leads back to it. */
function mayLeadBack(bytes: Buffer): boolean {
  // An error, its cause, and a reference to something before: there may be such bytes in anything.
  const error = bytes.indexOf(0x72)
  const cause = error === -1 ? -1 : bytes.indexOf(0x63, error + 1)
  return cause !== -1 && bytes.includes(0x5e, cause + 1)
}

class ValueSerializer extends DefaultSerializer {
  /** Node calls it for each view of an ArrayBuffer. */
  _writeHostObject(view: object): void {
    checkInBounds(view)
    // Node writes a Buffer as one, while structured clone makes a Uint8Array of it.
    writeHostObject.call(this, isUint8Array(view) ? plainView(view) : view)
  }
}

// Node's types leave it out.
const writeHostObject: (this: ValueSerializer, view: object) => void = Reflect.get(
  DefaultSerializer.prototype,
  '_writeHostObject',
)
