/** How throughput and latency change with what grows. There are no peers here: what is looked for is a cliff. */
import type { Curve } from '../curve.js'
import { grown } from '../process.js'

const native = (producers: number, consumers: number, capacity: number) =>
  grown('growth-native', `${producers}`, `${consumers}`, `${capacity}`)

interface ChannelShape {
  capacity?: number
  size?: number | 'number'
  batch?: number
  receivers?: number
  channels?: number
}

function channel({
  capacity = 1000,
  size = 'number',
  batch = 100,
  receivers = 1,
  channels = 1,
}: ChannelShape) {
  return grown('growth-channel', ...[capacity, size, batch, receivers, channels].map(String))
}

/** At most so many items; fewer where an item is large. */
const MOST = 1_000_000
const BYTES = 1e9

export const growth: Curve[] = [
  {
    curve: 'threads',
    x: 'threads a side',
    how: 'native source to native handler, capacity 1000, numbers',
    points: [1, 2, 4, 8, 16, 32, 64].map((x) => ({ x, items: 60_000_000, run: native(x, x, 1000) })),
  },
  {
    curve: 'capacity-native',
    x: 'capacity',
    how: '10 native sources to 5 native handlers, numbers',
    points: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].map((x) => ({
      x,
      items: Math.min(100_000 * x, 60_000_000),
      run: native(10, 5, x),
    })),
  },
  {
    curve: 'capacity',
    x: 'capacity',
    how: 'main thread to one worker, numbers, arrays of 100, each awaited',
    points: [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].map((x) => ({
      x,
      items: Math.min(50_000 * x, 10_000_000),
      run: channel({ capacity: x }),
    })),
  },
  {
    curve: 'item-size',
    x: 'bytes an item',
    how: 'main thread to one worker, arrays of 10, each awaited, capacity 100',
    points: [0, 64, 1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024].map((x) => ({
      x,
      items: Math.min(MOST, Math.ceil(BYTES / Math.max(x, 1) / 1000) * 1000),
      run: channel({ capacity: 100, size: x, batch: 10 }),
    })),
  },
  {
    curve: 'receivers',
    x: 'workers',
    how: 'main thread to worker threads that receive from one channel, numbers, arrays of 100, capacity 1000',
    points: [1, 2, 4, 8, 16].map((x) => ({ x, items: 5_000_000, run: channel({ receivers: x }) })),
  },
  {
    curve: 'modules',
    x: 'workers',
    how: 'a trivial handler module, numbers, arrays of 100, capacity 1000',
    points: [1, 2, 4, 8, 16].map((x) => ({ x, items: 1_500_000, run: grown('growth-modules', String(x)) })),
  },
  {
    curve: 'channels',
    x: 'open channels',
    how: 'main thread to one worker, a receiver a channel, numbers, arrays of 10 to each channel in turn, each awaited, capacity 100',
    points: [1, 10, 100, 1000, 10_000].map((x) => ({
      x,
      items: MOST,
      run: channel({ capacity: 100, batch: 10, channels: x }),
    })),
  },
]
