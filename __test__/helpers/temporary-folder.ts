import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

/** Makes an empty folder that is removed when the test `t` ends. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'millrace-test-')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}
