/** A worker that attaches to a channel, takes an item and leaves everything as it is. */
import { workerData } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'

const channel = Channel.attach<unknown>(workerData)
await channel.lease()
await channel.sendMany([1, 'two', { three: 3 }, new Uint8Array(20_000)])
