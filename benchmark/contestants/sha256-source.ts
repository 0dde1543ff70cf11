/**
 * From a native source to native tasks, without JavaScript on the way. Nobody asks for the digests, so they are dropped when
 * they are made, as openssl drops its own; before the clock starts, those of some items are compared with node:crypto's.
 */
import { hash, ProducerConsumerSystem, sequence } from '../../src/index.js'
import type { Measured } from '../process.js'
import { items, modes, WINDOW } from './contest.js'
import { SIZE } from './sha256.js'
import digest from './sha256-handler.js'

const [threads] = modes

function hashing(limit: number, results: boolean): ProducerConsumerSystem<Uint8Array, string> {
  return new ProducerConsumerSystem<Uint8Array, string>({
    producers: 1,
    consumers: Number(threads),
    capacity: WINDOW,
    source: sequence({ of: 'bytes', size: SIZE, limit }),
    handler: hash('sha256'),
    results,
  })
}

await check(WINDOW)
const system = hashing(items, false)
const start = performance.now()
await system.start()
const { processed } = await system.finished
const figure: Measured = { count: processed, value: (processed / (performance.now() - start)) * 1000 }
console.log(JSON.stringify(figure))

/** Hashes the first `count` items of the source and compares all digests. */
async function check(count: number): Promise<void> {
  const expected = new Set<string>()
  for (let number = 0; number < count; number++) {
    expected.add(digest(new Uint8Array(new BigUint64Array(SIZE / 8).fill(BigInt(number)).buffer)))
  }
  const system = hashing(count, true)
  const results = system.results()
  await system.start()
  for await (const hex of results) {
    if (!expected.delete(hex)) throw new Error(`expected the SHA-256 of an item, each once, got ${hex}`)
  }
  if (expected.size > 0) throw new Error(`expected ${expected.size} more digests`)
}
