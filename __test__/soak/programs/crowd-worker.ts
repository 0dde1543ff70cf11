/** One of a crowd. */
import { workerData } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'

const item = await Channel.attach<number>(workerData.questions).receive()
await Channel.attach<number>(workerData.answers).send(item)
