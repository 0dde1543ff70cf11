// What the workers run for a request. A key derivation takes a core for as long as it runs: on the main thread it would
// hold up every other request.

import { pbkdf2Sync } from 'node:crypto'

export interface KeyRequest {
  password: string
  salt: string
  rounds: number
}

export default function deriveKey({ password, salt, rounds }: KeyRequest): string {
  return pbkdf2Sync(password, salt, rounds, 32, 'sha512').toString('hex')
}
