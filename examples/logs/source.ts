// The source, in worker threads: each reads its share of the folder's files and yields their lines.

import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { SourceContext } from '../../src/index.js'

export interface Line {
  file: string
  number: number
  text: string
}

let folder: string

/** Called in each worker before anything else, with the option `init`. */
export function init(path: string): void {
  folder = path
}

export default async function* readLines({ index, count, signal }: SourceContext): AsyncGenerator<Line> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.log')).sort()
  for (const file of files.filter((_, n) => n % count === index)) {
    if (signal.aborted) return
    let number = 0
    for await (const text of createInterface({ input: createReadStream(join(folder, file)) })) {
      yield { file, number: ++number, text }
    }
  }
}
