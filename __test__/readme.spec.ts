import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from './helpers/temporary-folder.js'

const LIBRARY = new URL('../src/index.js', import.meta.url).href

/** What the README's samples print that name their file. */
const OUTPUT: Record<string, string> = {
  'feed.mjs': '333833500\n',
  'select.mjs': '1 a letter\n',
  'latest.mjs': 'missed 7.1\n[ 7.3, 7.2 ]\n',
  'primes.mjs': '9592\n',
  'retries.mjs': 'good at attempt 1\nflaky at attempt 3\nbad not worth another try 1\n',
  'order.mjs': 'alarm\nreport\ndebit 2\n',
  'chain.mjs': 'ca978112\n3e23e816\n2e7d2c03\n',
}

test('the samples of the README run, and print what they should', async (t) => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const folder = await temporaryFolder(t)
  // In place of an installed package.
  const installed = join(folder, 'node_modules/millrace')
  await mkdir(installed, { recursive: true })
  await writeFile(join(installed, 'package.json'), '{ "type": "module", "exports": "./index.js" }')
  await writeFile(join(installed, 'index.js'), `export * from ${JSON.stringify(LIBRARY)}\n`)
  const samples = [...readme.matchAll(/```js\n\/\/ (\S+\.mjs)\n(.*?)```/gs)]
  for (const [, name = '', source = ''] of samples) await writeFile(join(folder, name), source)
  for (const [name, output] of Object.entries(OUTPUT)) {
    t.true(
      samples.some(([, sample]) => sample === name),
      name,
    )
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(folder, name)])
    // Several consumers finish in any order.
    t.deepEqual(
      { lines: stdout.split('\n').sort(), stderr },
      { lines: output.split('\n').sort(), stderr: '' },
      name,
    )
  }
})

test('every program that the README tells to run is there', async (t) => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const programs = [...readme.matchAll(/`node build\/(examples\/\S+\.js)/g)]
  t.true(programs.length >= 6)
  for (const [, path = ''] of programs)
    await t.notThrowsAsync(readFile(new URL(`../${path}`, import.meta.url)), path)
})
