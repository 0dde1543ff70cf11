/** What a run is made of: a source, a handler, and how results are printed. */

import {
  files,
  type HashAlgorithm,
  hash,
  hashFile,
  lines,
  noop,
  type Source,
  type SystemHandler,
  sequence,
  sleep,
} from '../index.js'
import { loadHandler } from './handler-file.js'
import type { Input, Work } from './options.js'
import { CHECKSUMS, DIGESTS, JSON_LINES, type Printer } from './printers.js'

/** What travels in a run: names, lines, or paths. */
export type Item = string | Uint8Array

export interface Workload {
  source: Source<Item>
  handler: SystemHandler<Item, unknown>
  /** Absent where results are not for printing. */
  printer?: Printer
}

/**
 * Makes the parts of a run; waits for the handler's module to load.
 *
 * @throws {UsageError} for a handler file that can't be used
 * @throws {InvalidOptionError} for a value that the library refuses
 */
export async function makeWorkload(input: Input, work: Work): Promise<Workload> {
  return { source: makeSource(input, work), ...(await makeHandler(input, work)) }
}

function makeSource(input: Input, work: Work): Source<Item> {
  // Bytes need not be decoded, and names and lines need not be UTF-8; for a module's function strings are easier.
  const encoding = work.kind === 'module' ? 'utf8' : 'buffer'
  switch (input.kind) {
    case 'exercise':
      return sequence({ delay: input.delay, ...(input.limit !== undefined && { limit: input.limit }) })
    case 'lines':
      return lines(input.paths, { encoding })
    case 'files': {
      const { root, glob, hidden, ignore } = input
      return files(root, { glob, hidden, ignore, encoding })
    }
  }
}

async function makeHandler(input: Input, work: Work): Promise<Omit<Workload, 'source'>> {
  switch (work.kind) {
    case 'noop':
      return { handler: noop() }
    case 'sleep':
      return { handler: sleep(work.time) }
    case 'hash': {
      const algorithm = work.algorithm as HashAlgorithm // hash() and hashFile() refuse what is none
      return input.kind === 'files'
        ? { handler: hashFile(algorithm, { encoding: 'buffer' }), printer: CHECKSUMS }
        : { handler: hash(algorithm), printer: DIGESTS }
    }
    case 'module':
      return { handler: await loadHandler(work.file), printer: JSON_LINES }
  }
}
