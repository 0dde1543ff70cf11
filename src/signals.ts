/** Listening to abort signals. */

/** Who listens to each signal. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `then` once `signal` aborts; returns how to no longer do so. However many listen, the signal has one listener
 * of ours, so that thousands of waits may share it without a warning.
 */
export function whenAborted(signal: AbortSignal, then: () => void): () => void {
  const waiting = listeners.get(signal) ?? listen(signal)
  // A function of its own, so that the same `then` can be given twice.
  const call = () => then()
  waiting.add(call)
  return () => {
    waiting.delete(call)
    if (waiting.size === 0) unlisten(signal, waiting)
  }
}

const collected = new FinalizationRegistry<() => void>((unlisten) => unlisten())

/** The same for the good of `target`, which `then` is given and must not hold: it is collected as if nobody listened. */
export function whenAbortedFor<T extends object>(
  signal: AbortSignal,
  target: T,
  then: (target: T) => void,
): () => void {
  const held = new WeakRef(target)
  const unlisten = whenAborted(signal, () => {
    const alive = held.deref()
    if (alive) then(alive)
  })
  collected.register(target, unlisten, held)
  return () => {
    collected.unregister(held)
    unlisten()
  }
}

const aborts = new WeakMap<Set<() => void>, () => void>()

function listen(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>()
  const onAbort = (): void => {
    unlisten(signal, waiting)
    for (const call of waiting) call()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  listeners.set(signal, waiting)
  aborts.set(waiting, onAbort)
  return waiting
}

function unlisten(signal: AbortSignal, waiting: Set<() => void>): void {
  if (listeners.get(signal) !== waiting) return
  listeners.delete(signal)
  const onAbort = aborts.get(waiting)
  try {
    if (onAbort) signal.removeEventListener('abort', onAbort)
  } catch {
    // One that only looks like a signal must not take along what was waited for.
  }
}
