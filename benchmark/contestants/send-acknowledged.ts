/**
 * How peers without a bound are kept to one: at most a window of values is sent and not yet acknowledged. The next ones
 * are sent by the listener that hears the acknowledgement: no promise, no other turn of the loop.
 */
import { arrived, items, WINDOW } from './contest.js'
import type { PayloadName } from './payloads.js'
import { type Arrived, BATCH, batchesOf, checker, printArrived } from './send.js'

/** What a message is. */
export type MessageKind = 'value' | 'array'

/** What the receiver says: how many values have arrived so far, or at the end what did. */
export type Acknowledgement = number | Arrived

/** Starts to send, and gives the listener for acknowledgements. */
export function sendWindowed(
  values: readonly unknown[],
  kind: MessageKind,
  post: (message: unknown) => void,
): (message: Acknowledgement) => void {
  const batches = batchesOf(values)
  let posted = 0
  const postNext = (acknowledged: number): void => {
    const end = Math.min(items, acknowledged + WINDOW)
    if (kind === 'value') while (posted < end) post(values[posted++ % values.length])
    else for (; posted < end; posted += BATCH) post(batches[(posted / BATCH) % batches.length])
  }
  const start = performance.now()
  postNext(0)
  return (message) => {
    if (typeof message === 'number') postNext(message)
    else printArrived(message, start)
  }
}

/**
 * Values an acknowledgement: half a window, so that the other half is on its way meanwhile. From 100 to 1000 there is no
 * clear difference; one for each value takes almost twice the time.
 */
const ACKNOWLEDGED = WINDOW / 2

/** Gives the listener of the receiver, which checks what comes, `acknowledge`s, and calls `end` after the last of `items`. */
export function receiveAcknowledged(
  { payload, kind, items }: { payload: PayloadName; kind: MessageKind; items: number },
  acknowledge: (message: Acknowledgement) => void,
  end: () => void,
): (message: unknown) => void {
  const check = checker(payload)
  let unacknowledged = 0
  const heard = (count: number): void => {
    unacknowledged += count
    if (arrived.count === items) {
      acknowledge(arrived)
      end()
    } else if (unacknowledged >= ACKNOWLEDGED) {
      unacknowledged = 0
      acknowledge(arrived.count)
    }
  }
  if (kind === 'value')
    return (value) => {
      check(value)
      heard(1)
    }
  return (values) => {
    for (const value of values as unknown[]) check(value)
    heard((values as unknown[]).length)
  }
}
