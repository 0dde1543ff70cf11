/** A warning for those who forgot to await their sends, and set no limit to them. */

/** With more sends waiting than this many times the capacity, a process warning says so, once. */
const WARN_FACTOR = 10
let warned = false

/** To be told how many sends wait for room, when one more does. */
export function warnOfCrowd(
  waiting: number,
  { capacity, maxWaiting }: { capacity: number; maxWaiting: number },
): void {
  if (warned || waiting <= WARN_FACTOR * capacity || maxWaiting !== Number.POSITIVE_INFINITY) return
  warned = true
  process.emitWarning(
    `more than ${WARN_FACTOR * capacity} sends wait for room in a channel of ${capacity} items: await each send, or set maxWaiting`,
    { type: 'MillraceWarning', code: 'MILLRACE_WAITING_SENDS' },
  )
}
