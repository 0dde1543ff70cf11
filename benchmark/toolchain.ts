/** Programs that peers in other languages need. */
import { spawnSync } from 'node:child_process'

/** A contestant can't run here because a program is missing: it is listed as missing, and nothing fails. */
export class MissingToolchain extends Error {
  override name = 'MissingToolchain'
}

/**
 * Runs `program` with `args` (such as `version`), without a shell, and gives the first line that it prints, on stdout or
 * else on stderr.
 *
 * @throws {MissingToolchain} if it can't be run, or exits with anything but 0; the message says what was tried.
 */
export function probe(program: string, ...args: string[]): string {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  const tried = `${program}: tried ${[program, ...args].join(' ')}`
  if (error)
    throw new MissingToolchain(`${tried}, got ${(error as NodeJS.ErrnoException).code ?? error.message}`)
  if (status !== 0) throw new MissingToolchain(`${tried}, got ${signal ?? `exit code ${status}`}`)
  return (stdout.trim() || stderr.trim()).split('\n', 1)[0] ?? ''
}
