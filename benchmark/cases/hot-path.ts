/**
 * Native producers to native consumers: 10, 5, and at most 1000 items between them. Each value is stored in memory
 * before it is sent, and read and summed after it was received. Ours is the whole system, its statistics on.
 */
import { native } from '../process.js'
import type { Workload } from '../workload.js'

const shape = ['10', '5', '1000']

export const hotPath: Workload[] = [
  {
    case: 'hot-path',
    workload: 'numbers',
    unit: 'items/s',
    items: 200_000_000,
    ours: { name: 'millrace', how: 'sequence source, summing task', run: native('millrace', ...shape) },
    peers: [
      {
        name: 'crossbeam-channel',
        how: 'bounded(1000), one number a message',
        run: native('crossbeam-items', ...shape),
        items: 20_000_000,
        bar: 15,
        aim: 25,
      },
      {
        name: 'crossbeam-channel, batches',
        how: 'vectors of 125 numbers, bounded(8): the same batches and bound of items',
        run: native('crossbeam-batches', ...shape),
        bar: 0.9,
        aim: 1,
      },
      {
        name: 'crossbeam-channel, batches, 125 x the bound',
        how: 'vectors of 125 numbers, bounded(1000): up to 125,000 items',
        run: native('crossbeam-batches-wide', ...shape),
      },
    ],
  },
]
