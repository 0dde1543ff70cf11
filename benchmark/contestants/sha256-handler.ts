/** What the pools do with an item, and what all digests are compared with. */
import { createHash } from 'node:crypto'

export default function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
