/** How every pool of threads is fed: at most a window of items is under way, and each result is added up. */
import { arrived, items, print, WINDOW } from './contest.js'

export interface Pool {
  /** Handles the values from 0 to before `count`, at most a window of them at once, and adds up the results. */
  handle: (count: number) => Promise<void>
  end: () => Promise<unknown>
}

/**
 * Times the handling of all items, and neither start nor end of the threads. `warmUp` items go through before the clock
 * starts: by then threads are up, modules loaded, and the compilers had a first look.
 */
export async function runPool({ handle, end }: Pool, warmUp = 4 * WINDOW): Promise<void> {
  await handle(Math.min(warmUp, items))
  arrived.count = 0
  arrived.sum = 0
  const start = performance.now()
  await handle(items)
  print(arrived, start)
  await end()
}

/**
 * Feeds a pool that gives a promise an item: the values lie in an array, and as many loops as a window has items each
 * take the next one when theirs is done, so that no thread waits for the end of a window.
 */
export function promises<R>(
  run: (value: number) => PromiseLike<R>,
  addResult: (result: R) => void,
): Pool['handle'] {
  return async (count) => {
    const values = Array.from({ length: count }, (_, n) => n)
    let next = 0
    const loop = async (): Promise<void> => {
      while (next < count) addResult(await run(values[next++] as number))
    }
    await Promise.all(Array.from({ length: WINDOW }, loop))
  }
}
