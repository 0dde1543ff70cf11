import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import { temporaryFolder } from './temporary-folder.js'

const LIBRARY = new URL('../../src/index.js', import.meta.url).href

/** How a program ended. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

const PRELUDE = `const { ProducerConsumerSystem, sequence, lines, files, sleep, hash, noop } = await import(${JSON.stringify(LIBRARY)})
  const library = ${JSON.stringify(LIBRARY)}`

/**
 * Runs `source` as a program of its own, with all that the library exports in scope, to its end. It is killed when the
 * test ends, should it still run then.
 */
export function runProgram(
  t: ExecutionContext,
  source: string,
  flags: readonly string[] = [],
): Promise<Ended> {
  return runNode(t, [...flags, '--input-type=module', '--eval', `${PRELUDE}\n${source}`])
}

/** As `runProgram`, from a file: a worker's file can't be run with the flag for a program that is none. */
export async function runFile(
  t: ExecutionContext,
  source: string,
  flags: readonly string[] = [],
): Promise<Ended> {
  const file = join(await temporaryFolder(t), 'program.mjs')
  await writeFile(file, `${PRELUDE}\n${source}`)
  return runNode(t, [...flags, file])
}

/** As `runProgram`, by another program that starts it, such as `prlimit`. */
export function runBy(
  t: ExecutionContext,
  [command, ...args]: [string, ...string[]],
  source: string,
): Promise<Ended> {
  const program = [process.execPath, '--input-type=module', '--eval', `${PRELUDE}\n${source}`]
  return run(t, command, [...args, ...program])
}

function runNode(t: ExecutionContext, args: string[]): Promise<Ended> {
  return run(t, process.execPath, args)
}

async function run(t: ExecutionContext, command: string, args: string[]): Promise<Ended> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const closed = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { ...(await closed), stdout, stderr }
}

/** Asserts that a program ended by itself, said `expected`, and had nothing to complain of. */
export function assertSaid(t: ExecutionContext, ended: Ended, expected: string): void {
  t.deepEqual(ended, { code: 0, signal: null, stdout: `${expected}\n`, stderr: '' })
}
