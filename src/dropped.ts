/** What sends dropped, on its way to who wants to know. */

import { decodeItems, type NativeItems } from './codec/decode.js'
import { throwLater } from './environment.js'
import type { OnDrop } from './overflow.js'

/** Tells `onDrop` of each item. What it throws becomes an uncaught exception, and no failure of the send. */
export function tellDropped<T>(onDrop: OnDrop<T>, dropped: readonly NativeItems[]): void {
  for (const items of dropped) {
    for (const item of decodeItems<T>(items)) {
      try {
        onDrop(item)
      } catch (error) {
        throwLater(error)
      }
    }
  }
}
