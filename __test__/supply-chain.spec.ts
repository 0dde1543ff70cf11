/** What we build from, and what runs when it is installed. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const root = fileURLToPath(new URL('../..', import.meta.url))
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']

interface Manifest {
  scripts?: Record<string, string>
  devDependencies: Record<string, string>
}

interface Locked {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  hasInstallScript?: boolean
  license?: string
}

const manifest: Manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
const lock: { packages: Record<string, Locked> } = JSON.parse(
  await readFile(join(root, 'package-lock.json'), 'utf8'),
)
const locked = Object.entries(lock.packages).filter(([path]) => path !== '')

test('package.json names exact versions, and those are locked', (t) => {
  for (const [name, version] of Object.entries(manifest.devDependencies)) {
    t.regex(version, /^\d+\.\d+\.\d+$/, name)
    t.is(lock.packages[`node_modules/${name}`]?.version, version, name)
  }
})

test('each locked package has its hash, and no address of its own', (t) => {
  t.true(locked.length > 100)
  for (const [path, { integrity, resolved, link }] of locked) {
    t.regex(integrity ?? '', /^sha512-[A-Za-z0-9+/]{86}==$/, path)
    // An address here would be preferred to the registry that whoever installs has configured.
    t.is(resolved, undefined, path)
    t.is(link, undefined, path)
  }
})

for (const file of ['Cargo.lock', 'native/fuzz/Cargo.lock']) {
  test(`each crate that ${file} names comes from crates.io, and has its hash`, async (t) => {
    const text = await readFile(join(root, file), 'utf8')
    const entries = text.split('[[package]]\n').slice(1)
    const field = (entry: string, name: string): string | undefined =>
      new RegExp(`^${name} = "(.*)"$`, 'm').exec(entry)?.[1]
    const crates = entries.filter((entry) => field(entry, 'source') !== undefined)
    t.true(crates.length > 50)
    for (const crate of crates) {
      const name = field(crate, 'name')
      t.is(field(crate, 'source'), 'registry+https://github.com/rust-lang/crates.io-index', name)
      t.regex(field(crate, 'checksum') ?? '', /^[0-9a-f]{64}$/, name)
    }
    // The rest are our own.
    const ours = entries.filter((entry) => !crates.includes(entry)).map((entry) => field(entry, 'name') ?? '')
    t.true(
      ours.every((name) => name.startsWith('millrace-')),
      ours.join(),
    )
  })
}

/** Packages that may run a program of their own when they are installed. None does today. */
const TRUSTED_TO_RUN: string[] = []

test('what we develop with runs nothing when it is installed', async (t) => {
  t.deepEqual(
    locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path),
    TRUSTED_TO_RUN,
  )
  // The lock file has it from the registry; what was unpacked is what runs. npm builds a package that has a binding.gyp.
  const found = []
  for (const [path] of locked) {
    const files = await readdir(join(root, path)).catch(() => undefined)
    if (files === undefined) continue
    const { scripts = {} }: Manifest = JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8'))
    const runs = ['preinstall', 'install', 'postinstall'].some((name) => name in scripts)
    if (runs || files.includes('binding.gyp')) found.push(path)
  }
  t.deepEqual(found, TRUSTED_TO_RUN)
})

test('a clone that is installed runs nothing of ours either', (t) => {
  t.deepEqual(
    Object.keys(manifest.scripts ?? {}).filter((name) => INSTALL_SCRIPTS.includes(name)),
    [],
  )
})

/** What the published package has bundled, or may come to, and licences that let us ship that under MIT. */
const LICENCES = new Set([
  ...['MIT', 'MIT OR Apache-2.0', '(MIT OR CC0-1.0)', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause'],
  ...['0BSD', 'BlueOak-1.0.0', 'Unlicense', 'Python-2.0'],
])

test('each locked package has a licence that we know', (t) => {
  t.deepEqual(
    locked.filter(([, { license = 'none' }]) => !LICENCES.has(license)).map(([path]) => path),
    [],
  )
})
