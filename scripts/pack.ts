// node build/scripts/pack.js [FOLDER]: packs what users install into FOLDER (packages/ unless named), and prints the tarballs.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

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
 * lie beside what loads them, as in src.
 */
async function bundle(dist: string): Promise<void> {
  await build({
    cwd: root,
    input: { index: 'src/index.ts', entry: 'src/modules/entry.ts', 'cli/main': 'src/cli/main.ts' },
    platform: 'node',
    external: (id) => !/^[./]/.test(id),
    logLevel: 'warn',
    output: {
      dir: dist,
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: 'shared-[name].js',
    },
  })
}

async function packMain(): Promise<string> {
  const { name, version, description, keywords, license, author, repository } = source
  const { type, engines, exports, types, bin, files, dependencies } = source
  const stage = join(staging, name)
  copy(stage, ['README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'docs'])
  execFileSync(
    join(root, 'node_modules/.bin/tsc'),
    ['--project', 'tsconfig.build.json', '--outDir', join(stage, 'dist')],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  )
  await bundle(join(stage, 'dist'))
  return pack(stage, {
    ...{ name, version, description, keywords, license, author, repository },
    ...{ type, engines, exports, types, bin, files, dependencies },
    // Only here: in the repository's own package.json they would make `npm ci` ask for packages that aren't published yet.
    optionalDependencies: Object.fromEntries(
      Object.keys(platforms).map((platform) => [`@${name}/${platform}`, version]),
    ),
  })
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
