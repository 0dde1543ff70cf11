/**
 * The classic exercise: 10 producers that make an item and sleep 1 to 10 ms, 5 consumers that sleep 5 to 20 ms an item, a
 * channel of 1000. The figure is a share: the least time that the sleeps of the consumers allow / the time from before
 * `start()` to `finished`.
 *
 * The least time is the sum of the very sleeps that were drawn / 5: no order of these items on 5 consumers is faster.
 * That the consumers don't all end at the same moment is not in it, and neither are starts and ends of threads; they
 * count against ours. Every consumer can have an item at once, because a producer makes one before it first sleeps, and the
 * 10 producers make 4 times as many as the 5 consumers can handle, so that no consumer has to wait for one later.
 */
import { measured } from '../process.js'
import type { Workload } from '../workload.js'

export const exercise: Workload[] = [
  {
    case: 'exercise',
    workload: 'sleeps',
    unit: 'of the ideal',
    // 12.5 ms each on average, 5 at once: about 10 s.
    items: 4_000,
    bar: 0.99,
    aim: 0.998,
    ours: {
      name: 'millrace',
      how: 'sequence source, sleep handler; its results are the sleeps as they were drawn',
      run: measured('exercise-millrace'),
    },
    peers: [
      {
        name: 'threads alone',
        how: 'sleeps in 5 worker threads by Atomics.wait: how exactly this machine sleeps',
        run: measured('exercise-threads'),
      },
      {
        name: 'plain JavaScript',
        how: 'async functions, setTimeout, a bounded array',
        run: measured('exercise-plain'),
      },
    ],
  },
]
