/**
 * `npm run matrix [-- VERSION…]`: the tests of whatever depends on Node itself, under other versions of it; `--ci` runs some of
 * them, under the oldest and the newest.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { avaCounts, type Counts } from './ava-counts.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tests = `${root}build/__test__/`

const OLDEST = '20.19.0'
const NEWEST = 'latest'
const VERSIONS = [OLDEST, '22.12.0', '24', NEWEST]

/** What a version of Node may change: how addons are loaded, threads and processes end, memory is handed over, and turns come. */
const TESTS =
  /^(batches-modules|binding|callback|channel.*|cli-interrupt|cli-signals|codec.*|event-loop|lifecycle|loader|modules.*|process-.*|select)\.spec\.js$/
/** Those that tell most in the least time. */
const CI_TESTS =
  /^(binding|channel-sync|codec-bytes|event-loop|modules-start|process-exits|process-limits)\.spec\.js$/

/** The packages have Node and no install script. */
const NODE_PACKAGE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const EXECUTABLE = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node'

// CI has to have them all; elsewhere the other tests are worth running without the registry.
const required = process.env.MILLRACE_MATRIX === 'required'
const args = process.argv.slice(2)
const ci = args.includes('--ci')
const named = args.filter((arg) => arg !== '--ci')
const versions = named.length > 0 ? named : ci ? [OLDEST, NEWEST] : VERSIONS
const files = readdirSync(tests).filter((file) => (ci ? CI_TESTS : TESTS).test(file))

const rows: [version: string, Counts][] = []
const missing: string[] = []
for (const version of versions) {
  const node = fetchNode(version)
  if (node === undefined) missing.push(version)
  else rows.push([spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim(), await test(node)])
}

const table = [
  ['version', 'passed', 'failed'],
  ...rows.map(([version, { passed, failed }]) => [version, passed, failed]),
]
for (const row of table) console.log(row.map((cell) => String(cell).padStart(10)).join(''))
if (missing.length > 0)
  console.log(`matrix: not run under ${missing.join(', ')}: npm could not install ${NODE_PACKAGE}`)
const sum = (count: keyof Counts): number => rows.reduce((all, [, counts]) => all + counts[count], 0)
const failed = sum('failed') + (required || named.length > 0 ? missing.length : 0)
console.log(`matrix: ${sum('passed')} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** The executable of `version`, from the registry unless it is here from an earlier run. */
function fetchNode(version: string): string | undefined {
  const folder = `${root}target/node/${version}`
  const executable = `${folder}/node_modules/${NODE_PACKAGE}/${EXECUTABLE}`
  if (existsSync(executable)) return executable
  mkdirSync(folder, { recursive: true })
  const options = [
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  const install = ['install', '--prefix', folder, ...options, `${NODE_PACKAGE}@${version}`]
  // In a folder of its own: npm would look for a package around it.
  const { status } = spawnSync('npm', install, {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  return status === 0 && existsSync(executable) ? executable : undefined
}

/** Runs the tests, whose programs and threads are of the same version; their output is passed on. */
async function test(node: string): Promise<Counts> {
  const ava = [
    `${root}node_modules/ava/entrypoints/cli.mjs`,
    ...files.map((file) => `build/__test__/${file}`),
  ]
  const child = spawn(node, ava, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    process.stdout.write(text)
  })
  const [status] = await once(child, 'close')
  const counts = avaCounts(output)
  // A file whose process crashed has no failed test.
  return status === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 }
}
