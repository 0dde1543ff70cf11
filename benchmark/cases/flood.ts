/**
 * A fast producer, the main thread, and a slow consumer, a worker thread that sleeps for 1 ms after each 1000 items of 100
 * bytes: by how much the resident memory of the process grows at its peak.
 */
import { measured } from '../process.js'
import type { Workload } from '../workload.js'

function workload(payload: 'strings-100' | 'bytes-100'): Workload {
  return {
    case: 'flood',
    workload: payload,
    unit: 'MB',
    better: 'lower',
    items: 10_000_000,
    bar: 64,
    aim: 16,
    ours: {
      name: 'millrace',
      how: 'send, awaited; for await; capacity 1000',
      run: measured('flood-millrace', payload),
    },
    peers: [
      {
        name: 'postMessage',
        how: 'no bound; a tenth of the items, so that the machine keeps some memory',
        run: measured('flood-post-message', payload),
        items: 1_000_000,
      },
    ],
  }
}

export const flood: Workload[] = [workload('strings-100'), workload('bytes-100')]
