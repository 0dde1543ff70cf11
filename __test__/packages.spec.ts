import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { bytesIn } from '../benchmark/installed.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const packScript = fileURLToPath(new URL('../scripts/pack.js', import.meta.url))
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))

test('the two tarballs run where there is no Rust, by import and by require', async (t) => {
  const folder = await temporaryFolder(t)
  const tarballs = (await run(process.execPath, [packScript, folder])).stdout.trim().split('\n')
  t.deepEqual(tarballs, [
    join(folder, `millrace-${version}.tgz`),
    join(folder, `millrace-linux-x64-gnu-${version}.tgz`),
  ])

  const env = { ...process.env, PATH: await pathOf(folder, ['node', 'npm']) }
  t.is(errorCode(spawnSync('cargo', { env }).error), 'ENOENT')
  const app = join(folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'package.json'), '{ "private": true }')
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], { cwd: app, env })

  const main = join(app, 'node_modules/millrace')
  const documents = ['CHANGELOG.md', 'LICENSE', 'README.md']
  t.deepEqual((await readdir(main)).sort(), [...documents, 'dist', 'package.json'])
  for (const document of documents) {
    const links = (await readFile(join(main, document), 'utf8')).matchAll(/\]\((?!https:)([^)]+)\)/g)
    for (const [, link = ''] of links) t.true(existsSync(join(main, link)), `${document}: ${link}`)
  }
  const dist = await readdir(join(main, 'dist'), { recursive: true })
  const expected = ['THIRD_PARTY_LICENSES', 'cli', 'cli/main.js', 'entry.js', 'index.d.ts', 'index.js']
  t.deepEqual(dist.filter((file) => !/^shared-\w+\.js$/.test(file)).sort(), expected)
  const licences = await readFile(join(main, 'dist/THIRD_PARTY_LICENSES'), 'utf8')
  for (const bundled of ['commander', 'log-update', 'signal-exit'])
    t.regex(licences, new RegExp(`\\b${bundled} \\d`))
  const manifest = JSON.parse(await readFile(join(main, 'package.json'), 'utf8'))
  t.deepEqual(manifest.optionalDependencies, { '@millrace/linux-x64-gnu': version })
  for (const absent of ['scripts', 'dependencies', 'devDependencies', 'private'])
    t.false(absent in manifest, absent)

  const { packages } = JSON.parse(await readFile(join(app, 'package-lock.json'), 'utf8'))
  const installed = Object.entries<{ hasInstallScript?: boolean }>(packages)
  t.deepEqual(
    installed.map(([path]) => path),
    ['', 'node_modules/@millrace/linux-x64-gnu', 'node_modules/millrace'],
  )
  t.deepEqual(
    installed.filter(([, { hasInstallScript }]) => hasInstallScript),
    [],
  )

  const bytes = await bytesIn(join(app, 'node_modules'))
  t.true(bytes <= 3_410_000, `expected at most 3.41 MB to be installed, got ${bytes} bytes`)

  const native = join(app, 'node_modules/@millrace/linux-x64-gnu')
  const binary = 'millrace.linux-x64-gnu.node'
  t.deepEqual((await readdir(native)).sort(), ['LICENSE', 'README.md', binary, 'package.json'])
  const { scripts, ...nativeManifest } = JSON.parse(await readFile(join(native, 'package.json'), 'utf8'))
  t.is(scripts, undefined)
  t.like(nativeManifest, { version, os: ['linux'], cpu: ['x64'], libc: ['glibc'], main: binary })
  t.false(hasSymbolTable(await readFile(join(native, binary))))

  const program = `
    async function main({ ProducerConsumerSystem, sequence, noop }) {
      const system = new ProducerConsumerSystem({
        producers: 2, consumers: 2, source: sequence({ limit: 100 }), handler: noop(),
      })
      await system.start()
      const { produced, processed } = await system.finished
      const doubled = new ProducerConsumerSystem({ handler: ({ n }) => ({ n: 2 * n }) })
      await doubled.start()
      const { n } = await doubled.run({ n: 4 })
      await doubled.stop()
      console.log(produced, processed, n)
    }
  `
  const readme = await readFile(join(main, 'README.md'), 'utf8')
  const lines = (await readFile(join(app, 'package.json'), 'utf8')).trimEnd().split('\n')
  const sample = /```js\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const programs: [file: string, source: string, output: string][] = [
    ['import.mjs', `import * as millrace from 'millrace'\n${program}\nmain(millrace)`, '100 100 8\n'],
    ['require.cjs', `${program}\nmain(require('millrace'))`, '100 100 8\n'],
    ['first.mjs', sample, `${lines.length} lines, ${lines.join('').length} characters\n`],
  ]
  for (const [file, source, output] of programs) {
    await writeFile(join(app, file), source)
    t.is((await run('node', ['--no-warnings', file], { cwd: app, env })).stdout, output, file)
  }
  const cli = await run('node_modules/.bin/millrace', ['--version'], { cwd: app, env })
  t.is(cli.stdout, `${version}\n`)

  // AsyncDisposable is in no default library; AbortSignal and URL come from `dom`, which is, or from Node's types.
  await writeFile(join(app, 'first.mts'), sample)
  const nodeTypes = ['--lib', 'es2023', '--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  for (const libraries of [[], nodeTypes]) {
    const compiled = spawnSync(
      join(root, 'node_modules/.bin/tsc'),
      ['--noEmit', '--strict', ...libraries, 'first.mts'],
      { cwd: app, encoding: 'utf8' },
    )
    t.deepEqual([compiled.status, compiled.stdout], [0, ''], libraries.join(' '))
  }
})

/** A PATH on which there are these tools and no others. */
async function pathOf(folder: string, tools: string[]): Promise<string> {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  for (const tool of tools) {
    const files = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, tool))
    await symlink(files.find(existsSync) ?? tool, join(bin, tool))
  }
  return bin
}

function errorCode(error: Error | undefined): unknown {
  return error && 'code' in error ? error.code : undefined
}

/** Whether an ELF64 file has a section of type SHT_SYMTAB, which strip removes. */
function hasSymbolTable(elf: Buffer): boolean {
  const sections = Number(elf.readBigUInt64LE(0x28))
  const size = elf.readUInt16LE(0x3a)
  const count = elf.readUInt16LE(0x3c)
  return Array.from({ length: count }, (_, index) => elf.readUInt32LE(sections + index * size + 4)).includes(
    2,
  )
}
