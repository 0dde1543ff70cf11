/**
 * Native producers to native consumers: 10, 5, and at most 1000 items between them. Each value is stored in memory
 * before it is sent, and read and summed after it was received. Ours is the whole system, its statistics on.
 */
import { go, java, javaDisruptor, python } from '../peers.js'
import { native, program } from '../process.js'
import type { Contestant, Workload } from '../workload.js'
import { rustItems, SHAPE } from './rust-items.js'

const inRust: Contestant[] = [
  ...rustItems.map((peer) => ({ ...peer, ...(peer.name === 'crossbeam-channel' && { bar: 15, aim: 25 }) })),
  {
    name: 'crossbeam-channel, batches',
    how: 'vectors of 125 numbers, bounded(8): the same batches and bound of items',
    run: native('crossbeam-batches', ...SHAPE),
    bar: 0.9,
    aim: 1,
  },
  {
    name: 'crossbeam-channel, batches, 125 x the bound',
    how: 'vectors of 125 numbers, bounded(1000): up to 125,000 items',
    run: native('crossbeam-batches-wide', ...SHAPE),
  },
  {
    name: 'kanal, batches',
    how: 'vectors of 125 numbers, bounded(8)',
    run: native('kanal-batches', ...SHAPE),
  },
  {
    name: 'flume, batches',
    how: 'vectors of 125 numbers, bounded(8)',
    run: native('flume-batches', ...SHAPE),
    items: 60_000_000,
  },
]

const inGo: Contestant[] = [
  {
    name: 'Go chan',
    how: 'of 1000, one number a message',
    run: program(go, 'items', ...SHAPE),
    items: 15_000_000,
    bar: 6,
    aim: 10,
  },
  {
    name: 'Go chan, batches',
    how: 'of 8, slices of 125 numbers',
    run: program(go, 'batches', ...SHAPE),
  },
]

const inJava: Contestant[] = [
  {
    name: 'ArrayBlockingQueue',
    how: 'of 1000, put and take of one boxed number',
    run: program(java, 'QueueItems', ...SHAPE),
    items: 5_000_000,
    bar: 15,
    aim: 30,
  },
  {
    name: 'ArrayBlockingQueue, batches',
    how: 'of 8, arrays of 125 numbers',
    run: program(java, 'QueueBatches', ...SHAPE),
    items: 6_000_000,
  },
  {
    name: 'LMAX Disruptor',
    how: '1024 slots, SleepingWaitStrategy; each handler takes every fifth event',
    run: program(javaDisruptor, 'DisruptorItems', ...SHAPE),
    items: 600_000,
  },
]

const inPython: Contestant[] = [
  {
    name: 'queue.Queue',
    how: 'of 1000, threads',
    run: program(python('hot_path.py'), 'threads', ...SHAPE),
    items: 200_000,
    bar: 100,
    aim: 200,
  },
  {
    name: 'multiprocessing.Queue',
    how: 'of 1000, processes',
    run: program(python('hot_path.py'), 'processes', ...SHAPE),
    items: 100_000,
    bar: 600,
    aim: 1500,
  },
]

export const hotPath: Workload[] = [
  {
    case: 'hot-path',
    workload: 'numbers',
    unit: 'items/s',
    // As many as have a sum that no order of adding rounds.
    items: 120_000_000,
    ours: { name: 'millrace', how: 'sequence source, summing task', run: native('millrace', ...SHAPE) },
    peers: [...inRust, ...inGo, ...inJava, ...inPython],
  },
]
