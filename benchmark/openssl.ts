/** `openssl speed`: what the cores can hash where nothing has to get to them. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { probe } from './toolchain.js'

const execute = promisify(execFile)

/** How long it hashes. */
const SECONDS = 1

/** Hashes the same `bytes` over and over in as many processes as `processes` says; gives hashes/s in all, by the clock on the wall. */
export function speed(algorithm: string, bytes: number, processes: number): () => Promise<number> {
  const size = ['-seconds', String(SECONDS), '-bytes', String(bytes)]
  const args = ['speed', '-mr', '-elapsed', '-multi', String(processes), ...size, '-evp', algorithm]
  return async () => {
    probe('openssl', 'version')
    const { stdout } = await execute('openssl', args)
    return bytesPerSecond(stdout, algorithm) / bytes
  }
}

/** The line with the sum over all processes is the only one that begins so: `+F:NUMBER:ALGORITHM:BYTES PER SECOND`. */
export function bytesPerSecond(output: string, algorithm: string): number {
  for (const line of output.split('\n')) {
    const [kind, , name, figure] = line.split(':')
    if (kind === '+F' && name === algorithm && Number(figure) > 0) return Number(figure)
  }
  throw new Error(`expected a line of totals for ${algorithm} from openssl speed -mr, got ${output.trim()}`)
}
