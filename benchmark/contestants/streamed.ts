/** How ours is fed where `results()` is read: the same window as for every pool, counted from the send to the read. */
import type { ProducerConsumerSystem } from '../../src/index.js'
import { WINDOW } from './contest.js'
import type { Pool } from './pool.js'

/** How many items a `sendMany` has. */
const BATCH = 250

export function streamed<T, R>(
  system: ProducerConsumerSystem<T, R>,
  addResult: (result: R) => void,
  item: (value: number) => T,
): Pool['handle'] {
  const results = system.results()
  return async (count) => {
    let sent = 0
    for (let read = 0; read < count; read++) {
      for (;;) {
        const length = Math.min(BATCH, count - sent)
        if (length === 0 || sent + length - read > WINDOW) break
        const first = sent
        sent += length
        await system.sendMany(Array.from({ length }, (_, n) => item(first + n)))
      }
      const { value, done } = await results.next()
      if (done) return
      addResult(value)
    }
  }
}
