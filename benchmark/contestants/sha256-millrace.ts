/** From JavaScript and back: `sendMany` of blocks, digests by `results()`. */
import { hash, ProducerConsumerSystem } from '../../src/index.js'
import { modes, WINDOW } from './contest.js'
import { addDigest, block, runHashing } from './sha256.js'
import { streamed } from './streamed.js'

const [threads] = modes
const system = new ProducerConsumerSystem<Uint8Array, string>({
  consumers: Number(threads),
  capacity: WINDOW,
  handler: hash('sha256'),
})
const handle = streamed(system, addDigest, block)
await system.start()
await runHashing({ handle, end: () => system.stop() })
