/** Threads that run out of their heaps. */

/**
 * Adds to `kept` until this thread's heap ends it. A turn is awaited after each, as V8 may compile a loop that calls
 * built-in functions alone so that it never looks at a request to end (seen with Node 26).
 */
export async function fillHeap(kept: unknown[] = []): Promise<never> {
  for (;;) {
    kept.push(new Array(1000).fill(kept.length))
    await new Promise(setImmediate)
  }
}
