/** The Rust API, one number a message, by the same threads and with the same bound as in `hot-path`. */
import { native } from '../process.js'
import type { Contestant, Workload } from '../workload.js'

/** Producers, consumers, and how many items may be between them. */
export const SHAPE = ['10', '5', '1000']

export const rustItems: Contestant[] = [
  {
    name: 'crossbeam-channel',
    how: 'bounded(1000), one number a message',
    run: native('crossbeam-items', ...SHAPE),
    items: 10_000_000,
  },
  {
    name: 'kanal',
    how: 'bounded(1000), one number a message',
    run: native('kanal-items', ...SHAPE),
    items: 30_000_000,
  },
  {
    name: 'flume',
    how: 'bounded(1000), one number a message',
    run: native('flume-items', ...SHAPE),
    items: 8_000_000,
  },
  {
    name: 'std::sync::mpsc',
    how: 'sync_channel(1000), one number a message; consumers share the receiver behind a Mutex',
    run: native('std-items', ...SHAPE),
    items: 12_000_000,
  },
]

export const rust: Workload[] = [
  {
    case: 'rust-items',
    workload: 'numbers',
    unit: 'items/s',
    items: 5_000_000,
    ours: {
      name: 'millrace',
      how: 'Channel::new(1000), send of one and receive of one',
      run: native('millrace-items', ...SHAPE),
    },
    peers: rustItems.map((peer) => ({
      ...peer,
      ...(peer.name === 'crossbeam-channel' && { bar: 1, aim: 1.5 }),
    })),
  },
]
