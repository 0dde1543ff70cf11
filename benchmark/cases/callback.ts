/**
 * Native producers to a JavaScript function on the main thread, beside queues in JavaScript that are fed from an array
 * of stored values in windows of 1000: a window is pushed, and the next one when the queue is idle again.
 */
import { contestant } from '../process.js'
import type { Contestant, Workload } from '../workload.js'

const items = 10_000_000

function ours(mode: 'sync' | 'async'): Contestant {
  return {
    name: 'millrace',
    how: `10 producers, ${mode} handler, 5 at once`,
    run: contestant('callback-millrace', mode),
  }
}

export const callback: Workload[] = [
  {
    case: 'callback',
    workload: 'sync',
    unit: 'items/s',
    // Ten million are through before the optimizing compilers of both sides are.
    items: items * 4,
    ours: ours('sync'),
    peers: [
      {
        name: 'fastq',
        how: 'callback API, push with a callback that counts, concurrency 5',
        run: contestant('callback-fastq', 'callback'),
        bar: 3.5,
        aim: 5,
      },
      {
        name: 'async.queue',
        how: 'push with a callback, concurrency 5',
        run: contestant('callback-async-queue', 'callback'),
        items: items / 2,
      },
    ],
  },
  {
    case: 'callback',
    workload: 'async',
    unit: 'items/s',
    // As many as fastq gets: in less than a second of each, compilers are a good part of what is measured.
    items,
    ours: ours('async'),
    peers: [
      {
        name: 'p-queue',
        how: 'add, concurrency 5',
        run: contestant('callback-p-queue'),
        items: items / 10,
        bar: 10,
        aim: 20,
      },
      {
        name: 'fastq.promise',
        how: 'push, concurrency 5',
        run: contestant('callback-fastq', 'promise'),
        bar: 2.2,
        aim: 3,
      },
      {
        name: 'async.queue',
        how: 'push, an async function, concurrency 5',
        run: contestant('callback-async-queue', 'promise'),
        items: items / 5,
      },
    ],
  },
]
