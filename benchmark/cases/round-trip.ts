/**
 * The main thread to a worker and back, one value at a time: the time from before the send until the answer is there,
 * over two channels, beside `postMessage` both ways. One after the other (`back-to-back`), with 1 ms between (`pauses`), and
 * with a worker that blocks in `receiveSync` and answers by `sendSync` (`receive-sync`).
 */
import { measured } from '../process.js'
import type { Asked, Workload } from '../workload.js'

type Shape = 'back-to-back' | 'pauses' | 'receive-sync'

function workload(shape: Shape, percentile: 'p50' | 'p99', items: number, asked: Asked): Workload {
  const how =
    shape === 'receive-sync'
      ? 'send and receive, awaited; the worker: receiveSync and sendSync'
      : 'send and receive, awaited; the worker: for await, send awaited'
  return {
    case: 'round-trip',
    workload: `${shape}-${percentile}`,
    unit: 'µs',
    better: 'lower',
    items,
    ours: { name: 'millrace', how, run: measured('round-trip-millrace', shape, percentile) },
    peers: [
      {
        name: 'postMessage',
        how: "on('message') on both sides",
        // The worker that blocks is compared with the same as the one that doesn't.
        run: measured(
          'round-trip-post-message',
          shape === 'receive-sync' ? 'back-to-back' : shape,
          percentile,
        ),
        bimodal: true,
        ...asked,
      },
    ],
  }
}

const asked = { bar: 1.15, aim: 1 }

export const roundTrip: Workload[] = [
  workload('back-to-back', 'p50', 20_000, asked),
  workload('back-to-back', 'p99', 20_000, asked),
  workload('pauses', 'p50', 1_000, asked),
  workload('pauses', 'p99', 1_000, asked),
  workload('receive-sync', 'p50', 20_000, { bar: 0.35, aim: 0.1 }),
]
