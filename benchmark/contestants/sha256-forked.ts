import { modes } from './contest.js'
import { forked } from './forked.js'
import { addDigest, block, runHashing } from './sha256.js'

const [processes] = modes
await runHashing(
  forked(new URL('./sha256-forked-child.js', import.meta.url), Number(processes), addDigest, block),
)
