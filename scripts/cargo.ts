import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Builds the binary of a crate of this workspace, unless it is up to date, and gives its path. The output goes to stderr. */
export function buildBinary(crate: string): string {
  buildBinaries([crate])
  return binary(crate)
}

/** Builds those of several, which takes less time than one after another: most of it is links, each on one core. */
export function buildBinaries(crates: readonly string[]): void {
  const args = ['build', '--release', '--quiet', ...crates.flatMap((crate) => ['--package', crate])]
  const { status, error } = spawnSync('cargo', args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error) throw error
  if (status !== 0) throw new Error(`expected ${crates.join(', ')} to build, got exit code ${status}`)
}

/** Where the binary of a crate is, once it is built. */
export function binary(crate: string): string {
  return join(root, 'target', 'release', crate)
}
