import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (name) => join(root, 'node_modules', '.bin', name)

const INSTALLED = join(root, 'node_modules', '.millrace-installed')

/** Installs what package-lock.json names, unless that was done and neither it nor package.json changed since. */
export function installDependencies() {
  const hash = createHash('sha256')
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(root, file)))
  const wanted = hash.digest('hex')
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === wanted) return
  // The flags win over `npm --silent` and NODE_ENV=production, which reach us through the environment.
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(INSTALLED, wanted)
}

const FOLDERS = ['src', '__test__', 'benchmark', 'examples', 'scripts']
const STAMP = join(root, 'build', '.built')

/**
 * Whether nothing that a build depends on has changed since the last one. Asking cargo and tsc takes over a second, which
 * is most of the time of a short run; a look at a few hundred files takes some milliseconds.
 */
export function isBuilt() {
  return existsSync(INSTALLED) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint()
}

/** Names, times and sizes of all that goes into a build, and what builds it. */
function fingerprint() {
  const hash = createHash('sha256')
  hash.update([process.version, process.platform, process.arch, process.env.RUSTFLAGS].join())
  const files = ['Cargo.toml', 'Cargo.lock', 'package.json', 'package-lock.json', 'tsconfig.json']
  const folders = ['native/binding', 'native/core', ...FOLDERS].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)),
  )
  for (const file of [...files, ...folders]) {
    const { mtimeMs, size } = statSync(join(root, file))
    hash.update(`${file} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex')
}

/** Builds the binary and compiles the TypeScript. Cargo and tsc decide what is stale. */
export function build() {
  // Before the build: what changes while it runs is stale.
  const built = fingerprint()
  buildBinding()
  for (const folder of FOLDERS) removeOrphans(folder)
  run(bin('tsc'), [])
  writeFileSync(STAMP, built)
}

function buildBinding() {
  run(bin('napi'), [
    ...['build', '--release', '--platform', '--manifest-path', 'native/binding/Cargo.toml'],
    ...['--output-dir', 'build', '--no-js', '--dts', 'binding.d.ts'],
  ])
}

// tsc never deletes: without this, the output of a renamed test would go on running.
function removeOrphans(folder) {
  const output = join(root, 'build', folder)
  if (!existsSync(output)) return
  for (const file of readdirSync(output, { recursive: true })) {
    const source = join(root, folder, file.replace(/\.js(\.map)?$/, '.ts'))
    if (/\.js(\.map)?$/.test(file) && !existsSync(source)) rmSync(join(output, file))
  }
}

// Standard output belongs to the program that runs after the build.
function run(command, args) {
  const { error, status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}
