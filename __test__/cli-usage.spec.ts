import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { millrace } from './helpers/cli.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

const refusing = test.macro({
  async exec(t, args: string[], message: RegExp) {
    const cwd = await temporaryFolder(t)
    await mkdir(join(cwd, 'folder'))
    await writeFile(join(cwd, 'file'), '')
    await writeFile(join(cwd, 'broken.mjs'), 'export default (')
    await writeFile(join(cwd, 'lost.mjs'), "import './nowhere.mjs'")
    await writeFile(join(cwd, 'throwing.mjs'), "throw new Error('not\\ntoday')")
    await writeFile(join(cwd, 'number.mjs'), 'export default 1')
    await writeFile(join(cwd, 'named.mjs'), 'export const handler = () => {}')
    const { code, stdout, stderr } = await millrace(t, args, { cwd })
    t.is(stdout, '')
    t.regex(stderr, /^millrace: [^\n]+\n$/)
    t.regex(stderr.slice('millrace: '.length), message)
    t.is(code, 2)
  },
  title: (_, args: string[]) => `refuses ${args.join(' ')}`,
})

test(refusing, ['--frobnicate'], /^unknown option '--frobnicate'/)
test(refusing, ['walk'], /^unknown command 'walk'/)
test(refusing, ['run', 'file'], /^too many arguments/)

for (const flag of ['--producers', '--consumers', '--capacity']) {
  for (const value of ['0', '-1', '1.5', '1000000000']) {
    test(refusing, [flag, value], new RegExp(`^${flag}: expected an integer from 1 to \\d+, got ${value}`))
  }
  test(refusing, [flag, 'NaN'], new RegExp(`^option '${flag} <n>' argument 'NaN' is invalid`))
}

test(refusing, ['--duration', '0'], /^option '--duration <time>' argument '0' is invalid/)
test(refusing, ['--delay', '5-1'], /^option '--delay <time>' argument '5-1' is invalid/)
test(refusing, ['--work', 'long'], /^option '--work <time>' argument 'long' is invalid/)
test(refusing, ['--limit', '-1'], /^--limit: expected an integer from 0 to \d+, got -1/)
test(refusing, ['--limit', '0.5'], /^--limit: expected an integer/)

test(refusing, ['--hash', 'md5'], /^--hash: expected one of 'sha256', 'blake3', 'xxh3', got 'md5'/)
test(refusing, ['--files', 'folder', '--hash', 'SHA256'], /^--hash: expected one of .*, got 'SHA256'/)

test(refusing, ['--lines', 'missing'], /^--lines: expected files that can be read, got missing: No such file/)
test(
  refusing,
  ['--lines', 'file', 'missing'],
  /^--lines: expected files that can be read, got missing: No such file/,
)
test(refusing, ['--lines', 'folder'], /^--lines: expected files that can be read, got folder: a directory/)
test(refusing, ['--lines', ''], /^--lines: expected a path: a string .*, got ''/)
test(
  refusing,
  ['--files', 'missing'],
  /^--files: expected a directory that can be read, got missing: No such file/,
)
test(
  refusing,
  ['--files', 'file'],
  /^--files: expected a directory that can be read, got file: not a directory/,
)
test(
  refusing,
  ['--files', 'folder', '--glob', '{'],
  /^--glob: expected a pattern of paths below the root, got .*\{/,
)
test(refusing, ['--files', 'folder', '--lines', 'file'], /^expected either --lines or --files, got both/)

test(
  refusing,
  ['--handler', 'missing.mjs'],
  /^--handler: expected a file with a module, got missing\.mjs: no such file or directory$/m,
)
test(
  refusing,
  ['--handler', 'folder'],
  /^--handler: expected a file with a module, got folder: a directory$/m,
)
test(refusing, ['--handler', 'lost.mjs'], /^--handler: lost\.mjs does not load: .*nowhere\.mjs.*lost\.mjs$/m)
test(refusing, ['--handler', 'broken.mjs'], /^--handler: broken\.mjs does not load: /)
test(refusing, ['--handler', 'throwing.mjs'], /^--handler: throwing\.mjs does not load: not\\ntoday/)
test(
  refusing,
  ['--handler', 'number.mjs'],
  /^--handler: expected number\.mjs to export a function by default, got 1/,
)
test(refusing, ['--handler', 'named.mjs'], /by default, got undefined/)

test('--help explains every flag on stdout', async (t) => {
  const { code, stdout, stderr } = await millrace(t, ['--help'])
  t.is(code, 0)
  t.is(stderr, '')
  const flags = ['producers', 'consumers', 'capacity', 'duration', 'delay', 'limit', 'lines', 'files', 'glob']
  for (const flag of [...flags, 'no-hidden', 'ignore', 'work', 'hash', 'handler', 'json', 'quiet']) {
    t.regex(stdout, new RegExp(`^ {2}--${flag}\\b`, 'm'))
  }
  t.regex(stdout, /^Examples:$/m)
  t.is((await millrace(t, ['run', '--help'])).stdout, stdout)
})

test('--version prints the version of the package', async (t) => {
  const { code, stdout } = await millrace(t, ['--version'])
  t.is(code, 0)
  t.regex(stdout, /^\d+\.\d+\.\d+\n$/)
})

test('without the native binary, help works, and a run says in one line what is missing', async (t) => {
  const env = { MILLRACE_NATIVE_PATH: join(await temporaryFolder(t), 'missing.node') }
  t.is((await millrace(t, ['--help'], { env })).code, 0)
  const { code, stdout, stderr } = await millrace(t, ['--limit', '1'], { env })
  t.deepEqual([code, stdout], [1, ''])
  t.regex(stderr, /^millrace: expected the native binding for [^\n]*missing\.node[^\n]*\n$/)
})
