/** How results become data on stdout. */

import type { FileDigest } from '../handlers.js'
import { checksumLine } from './checksums.js'

export interface Printer {
  /** How the text of `print` becomes bytes. */
  encoding: 'latin1' | 'utf8'
  /** The text of one result, empty where there is nothing to print. Throws for a result that has no text. */
  print(result: unknown): string
}

/** One digest a line. */
export const DIGESTS: Printer = {
  encoding: 'latin1',
  print: (digest) => `${digest}\n`,
}

/** Digests of files whose paths are bytes, as `sha256sum` prints them. */
export const CHECKSUMS: Printer = {
  encoding: 'latin1',
  print(result) {
    const { path, digest } = result as FileDigest<Uint8Array>
    return checksumLine(path, digest)
  },
}

/** One JSON value a line; nothing for a result that JSON has no value for, such as undefined. */
export const JSON_LINES: Printer = {
  encoding: 'utf8',
  print(result) {
    const text: string | undefined = JSON.stringify(result)
    return text === undefined ? '' : `${text}\n`
  },
}
