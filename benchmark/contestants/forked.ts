/** A pool of child processes, as Node's documentation has it: `fork`, messages by IPC, an answer for each. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { WINDOW } from './contest.js'
import type { Pool } from './pool.js'

/**
 * Forks `file` as often as `processes` says and gives what feeds them: each child has its part of the window of items under
 * way, and gets the next item for each answer. 'advanced' is the serialization that takes bytes as they are.
 */
export function forked<T, R>(
  file: URL,
  processes: number,
  addResult: (result: R) => void,
  item: (value: number) => T,
): Pool {
  const children = Array.from({ length: processes }, () => fork(file, { serialization: 'advanced' }))
  return {
    handle: (count) => {
      let next = 0
      const feed = (child: ChildProcess): void => {
        child.send(item(next++) as object)
      }
      const work = (child: ChildProcess): Promise<void> =>
        new Promise((resolve) => {
          let pending = 0
          const answer = (result: R): void => {
            addResult(result)
            pending--
            if (next < count) {
              pending++
              feed(child)
            } else if (pending === 0) {
              child.off('message', answer)
              resolve()
            }
          }
          while (pending < WINDOW / processes && next < count) {
            pending++
            feed(child)
          }
          if (pending > 0) child.on('message', answer)
          else resolve()
        })
      return Promise.all(children.map(work)).then(() => {})
    },
    end: () => {
      const exits = children.map((child) => once(child, 'exit'))
      for (const child of children) child.disconnect()
      return Promise.all(exits)
    },
  }
}

/** The child's side: answers each message with what `handler` makes of it. */
export function serve<T, R>(handler: (item: T) => R): void {
  process.on('message', (item) => process.send?.(handler(item as T)))
}
