/** Whether a handler or an iterator gave something to wait for. */

/** As `await` asks: anything that has a `then` to call. */
export function isThenable<V>(value: V | PromiseLike<V>): value is PromiseLike<V> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof (value as PromiseLike<V>).then === 'function'
}
