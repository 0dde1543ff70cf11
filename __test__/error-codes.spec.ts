/** The errors that users can tell apart, and what the README says of them. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import * as millrace from '../src/index.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What no user meets: a bug of ours in one of the two sides, and names for what becomes another error, or none. */
const INTERNAL = ['INVALID_BATCH', 'SINK_ABORTED', 'THROWN', 'UNKNOWN_HANDLE']

async function codesIn(...folders: string[]): Promise<Set<string>> {
  const codes = new Set<string>()
  for (const folder of folders) {
    const names = await readdir(join(ROOT, folder), { recursive: true })
    for (const name of names.filter((name) => /\.(ts|rs)$/.test(name) && !/tests?\.rs$/.test(name))) {
      const text = await readFile(join(ROOT, folder, name), 'utf8')
      for (const [, code = ''] of text.matchAll(/ERR_MILLRACE_([A-Z_]*[A-Z])/g)) codes.add(code)
    }
  }
  return codes
}

test('the README lists every code, and every class of errors', async (t) => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const [section = ''] = /^## Errors$.*?(?=^## )/ms.exec(readme) ?? []
  const listed = [...section.matchAll(/`(?:ERR_MILLRACE)?_?([A-Z_]*[A-Z])`/g)].map(([, code]) => code)
  const made = await codesIn('src', 'native/core/src', 'native/binding/src')
  const known = [...made].filter((code) => !INTERNAL.includes(code))
  t.deepEqual(listed.filter((code) => code !== 'ENOENT').sort(), known.sort())
  const classes = Object.keys(millrace).filter((name) => name.endsWith('Error'))
  t.deepEqual(
    classes.filter((name) => !section.includes(`\`${name}\``)),
    [],
  )
})
