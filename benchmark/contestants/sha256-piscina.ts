import { Piscina } from 'piscina'
import { modes } from './contest.js'
import { promises } from './pool.js'
import { addDigest, block, runHashing } from './sha256.js'

const [threads] = modes
const pool = new Piscina<Uint8Array, string>({
  filename: new URL('./sha256-handler.js', import.meta.url).href,
  minThreads: Number(threads),
  maxThreads: Number(threads),
})
const run = (value: number) => pool.run(block(value))
await runHashing({ handle: promises(run, addDigest), end: () => pool.close() })
