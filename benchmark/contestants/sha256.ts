/** 4 KiB items to hash, and the check of what comes back. */
import { add } from './contest.js'
import { type Pool, runPool } from './pool.js'
import digest from './sha256-handler.js'

export const SIZE = 4096

/** Items before the clock starts. */
const WARM_UP = 4000

/** How many different ones there are; they are sent in turn. */
const DIFFERENT = 1000

const blocks = Array.from({ length: DIFFERENT }, (_, n) => {
  const words = Uint32Array.from({ length: SIZE / 4 }, (_, word) => Math.imul(n * 1024 + word, 2_654_435_761))
  return new Uint8Array(words.buffer)
})

const seen = new Map<string, { first: number; times: number }>()

export function block(value: number): Uint8Array {
  return blocks[value % DIFFERENT] as Uint8Array
}

/** Ready before the clock starts, so that no contestant pays for more than looking a digest up. */
for (const [first, bytes] of blocks.entries()) seen.set(digest(bytes), { first, times: 0 })

/** Adds up the values that the digests stand for: each of a block's digests is for the next value with that block. */
export function addDigest(hex: string): void {
  const entry = seen.get(hex)
  if (entry === undefined) throw new Error(`expected the SHA-256 of a block, got ${hex}`)
  add(entry.first + DIFFERENT * entry.times++)
}

/** As `runPool`, for a pool that adds up digests. */
export function runHashing({ handle, end }: Pool): Promise<void> {
  const handleAnew = (count: number) => {
    for (const entry of seen.values()) entry.times = 0
    return handle(count)
  }
  return runPool({ handle: handleAnew, end }, WARM_UP)
}
