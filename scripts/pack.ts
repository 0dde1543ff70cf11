// node build/scripts/pack.js [FOLDER]: packs what users install into FOLDER (packages/ unless named), and prints the tarballs.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const source = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Every platform with a prebuilt binary. */
const platforms: Record<string, { os: string[]; cpu: string[]; libc?: string[] }> = {
  'linux-x64-gnu': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
}

const folder = resolve(process.argv[2] ?? join(root, 'packages'))
mkdirSync(folder, { recursive: true })
const staging = mkdtempSync(join(tmpdir(), 'millrace-pack-'))
try {
  console.log(await packMain())
  for (const platform of Object.keys(platforms)) console.log(packBinary(platform))
} finally {
  rmSync(staging, { recursive: true })
}

/**
 * The modules in a few files: to find, open and compile one each took most of an import. Those that are loaded by their place
 * lie beside what loads them, as in src. The command line's dependencies are in them, for a tenth of what npm installs of
 * them, and their licences beside them. Lines and names stay, for stack traces; comments go.
 */
async function bundle(dist: string): Promise<void> {
  const { output } = await build({
    cwd: root,
    input: { index: 'src/index.ts', entry: 'src/modules/entry.ts', 'cli/main': 'src/cli/main.ts' },
    platform: 'node',
    logLevel: 'warn',
    experimental: { attachDebugInfo: 'none' },
    output: {
      dir: dist,
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: 'shared-[name].js',
      comments: false,
    },
  })
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  writeFileSync(join(dist, 'THIRD_PARTY_LICENSES'), licences(modules))
}

/** The types of src/index.ts and no others, in one file, from what tsc declares in `declarations`. */
async function bundleTypes(declarations: string, dist: string): Promise<void> {
  execFileSync(
    join(root, 'node_modules/.bin/tsc'),
    ['--project', 'tsconfig.build.json', '--outDir', declarations],
    { cwd: root, stdio: ['ignore', 2, 2] },
  )
  await build({
    input: join(declarations, 'index.d.ts'),
    platform: 'node',
    external: (id) => !/^[./]/.test(id),
    logLevel: 'warn',
    plugins: [dts({ dtsInput: true })],
    output: { dir: dist, format: 'esm' },
  })
  // The bundler drops the directive of src/system.ts.
  const types = join(dist, 'index.d.ts')
  const directive = '/// <reference lib="esnext.disposable" preserve="true" />'
  // What says what a file is about would stand before the comment of its first type.
  const declared = readFileSync(types, 'utf8').replace(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n(?=\/\*\*)/g, '')
  writeFileSync(types, `${directive}\n${declared}`)
}

/** The licences of the packages that these modules are of, each text once. */
function licences(modules: string[]): string {
  const folders = modules.flatMap((module) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0] ?? [])
  const holders = new Map<string, string[]>()
  for (const folder of [...new Set(folders)].sort()) {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((file) => /^licen[cs]e(\.(md|txt))?$/i.test(file))
    if (file === undefined) throw new Error(`expected a licence in ${folder}, to be published with it`)
    const text = readFileSync(join(folder, file), 'utf8').trim()
    holders.set(text, [...(holders.get(text) ?? []), `${name} ${version}`])
  }
  return [...holders].map(([text, names]) => `${names.join(', ')}\n\n${text}\n`).join('\n\n')
}

async function packMain(): Promise<string> {
  const { name, version, description, keywords, license, author, repository } = source
  const { type, engines, exports, types, bin, files } = source
  const stage = join(staging, name)
  copy(stage, ['LICENSE', 'CHANGELOG.md'])
  writeFileSync(join(stage, 'README.md'), readme())
  const dist = join(stage, 'dist')
  await bundle(dist)
  await bundleTypes(join(staging, 'declarations'), dist)
  return pack(stage, {
    ...{ name, version, description, keywords, license, author, repository },
    ...{ type, engines, exports, types, bin, files },
    // Only here: in the repository's own package.json they would make `npm ci` ask for packages that aren't published yet.
    optionalDependencies: Object.fromEntries(
      Object.keys(platforms).map((platform) => [`@${name}/${platform}`, version]),
    ),
  })
}

/** README.md, whose links to the chart and to what is for contributors lead to the repository: those files aren't in the package. */
function readme(): string {
  const text = readFileSync(join(root, 'README.md'), 'utf8')
  return text
    .replace(/\]\(((?:CONTRIBUTING|docs\/\w+)\.md)/g, `](${homepage()}/blob/HEAD/$1`)
    .replace(/\]\((docs\/\w+\.svg)/g, `](${homepage()}/raw/HEAD/$1`)
}

function packBinary(platform: string): string {
  const { version, license, author, repository, engines } = source
  const name = `@${source.name}/${platform}`
  const file = `${source.name}.${platform}.node`
  const stage = join(staging, platform)
  copy(stage, ['LICENSE'])
  cpSync(join(root, 'build', file), join(stage, file))
  writeFileSync(
    join(stage, 'README.md'),
    `# ${name}\n\nThe native binding of [${source.name}](${homepage()}) for ${platform}.\n`,
  )
  return pack(stage, {
    ...{ name, version, description: `The native binding of ${source.name} for ${platform}` },
    ...{ license, author, repository, engines, ...platforms[platform], main: file, files: [file] },
  })
}

function copy(stage: string, files: string[]): void {
  mkdirSync(stage)
  for (const file of files) cpSync(join(root, file), join(stage, file), { recursive: true })
}

function pack(stage: string, manifest: object): string {
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  const tarball = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: stage,
    encoding: 'utf8',
  })
  return join(folder, tarball.trim())
}

function homepage(): string {
  return source.repository.url.replace(/^git\+|\.git$/g, '')
}
