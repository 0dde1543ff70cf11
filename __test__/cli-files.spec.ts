import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { millrace, statsIn } from './helpers/cli.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

const NASTY = [
  'plain',
  'with space',
  '  leading and trailing  ',
  'tab\t',
  'line\nfeed',
  'carriage\rreturn',
  'back\\slash',
  '\\n',
  'quotes\'"`$(x)',
  '*?[]{}!',
  '-dash',
  'ünïcödé 漢字 🙂',
  '.hidden',
  '\x7f\x1b[31m',
]

/** A tree with names of every kind, one of them no UTF-8, and files from nothing to more than a read at once. */
async function nastyTree(t: ExecutionContext): Promise<string> {
  const root = await temporaryFolder(t)
  for (const folder of ['', 'a b', '.git', 'deep/er\n', 'back\\slash dir']) {
    await mkdir(join(root, folder), { recursive: true })
    for (const [index, name] of NASTY.entries())
      await writeFile(join(root, folder, name), `${folder}${name}`.repeat(index))
  }
  const prefix = Buffer.from(`${root}/`)
  await writeFile(Buffer.concat([prefix, Buffer.from([0xff, 0xfe, 0x41])]), 'no UTF-8')
  await mkdir(Buffer.concat([prefix, Buffer.from([0xc3, 0x28])]))
  await writeFile(Buffer.concat([prefix, Buffer.from([0xc3, 0x28, 0x2f, 0x80])]), 'nor is the folder')
  await writeFile(join(root, 'large'), Buffer.alloc(3_000_001, 'large'))
  return root
}

/** What find and sha256sum say of the files below `folder`, sorted. */
function sha256sums(cwd: string, folder: string, ...tests: string[]): string[] {
  const found = execFileSync('find', [folder, '-type', 'f', ...tests, '-print0'], { cwd })
  const sums = execFileSync('xargs', ['-0', 'sha256sum'], { cwd, input: found })
  return linesOf(sums.toString('latin1'))
}

function linesOf(text: string): string[] {
  return text.split('\n').sort()
}

for (const folder of ['.', './', 'a b', 'a b/', '../.']) {
  test(`--files '${folder}' --hash sha256 prints what sha256sum prints`, async (t) => {
    const root = await nastyTree(t)
    const cwd = folder === '../.' ? join(root, 'a b') : root
    const { code, stdout } = await millrace(t, ['--files', folder, '--hash', 'sha256', '--quiet'], { cwd })
    t.is(code, 0)
    t.deepEqual(linesOf(stdout), sha256sums(cwd, folder))
  })
}

test('an absolute folder gives absolute paths', async (t) => {
  const root = await nastyTree(t)
  const { stdout } = await millrace(t, ['--files', root, '--hash', 'sha256'])
  t.deepEqual(linesOf(stdout), sha256sums('/', root))
})

test('--glob, --no-hidden and --ignore choose the files', async (t) => {
  const cwd = await temporaryFolder(t)
  await mkdir(join(cwd, 'sub/.dot'), { recursive: true })
  const names = ['a.ts', 'b.js', 'c.md', 'sub/d.ts', 'sub/.dot/e.ts', '.f.ts', 'ignored.ts']
  for (const name of names) await writeFile(join(cwd, name), name)
  await writeFile(join(cwd, '.gitignore'), 'ignored.ts\n')
  const listed = async (...args: string[]) => {
    const { stdout } = await millrace(t, ['--files', '.', '--hash', 'xxh3', ...args], { cwd })
    return linesOf(stdout)
      .flatMap((line) => line.split('  ./').slice(1))
      .sort()
  }
  t.deepEqual(await listed(), [...names, '.gitignore'].sort())
  t.deepEqual(await listed('--hidden'), [...names, '.gitignore'].sort())
  t.deepEqual(await listed('--glob', '*.ts'), ['.f.ts', 'a.ts', 'ignored.ts', 'sub/.dot/e.ts', 'sub/d.ts'])
  t.deepEqual(await listed('--glob', '*.js', '*.md'), ['b.js', 'c.md'])
  t.deepEqual(await listed('--no-hidden'), ['a.ts', 'b.js', 'c.md', 'ignored.ts', 'sub/d.ts'])
  t.deepEqual(await listed('--ignore', '--glob', '*.ts'), ['.f.ts', 'a.ts', 'sub/.dot/e.ts', 'sub/d.ts'])
})

test('without --hash the files are counted', async (t) => {
  const root = await nastyTree(t)
  const { code, stdout } = await millrace(t, ['--files', root])
  t.is(code, 0)
  t.regex(
    stdout,
    new RegExp(`^items +${5 * NASTY.length + 3} produced = ${5 * NASTY.length + 3} processed`, 'm'),
  )
})

test('--json takes the place of the checksums', async (t) => {
  const root = await nastyTree(t)
  const stats = statsIn(t, await millrace(t, ['--files', root, '--hash', 'sha256', '--json']))
  t.is(stats.processed, 5 * NASTY.length + 3)
})

test('an empty folder is no problem', async (t) => {
  const { code, stdout } = await millrace(t, ['--files', await temporaryFolder(t), '--hash', 'sha256'])
  t.deepEqual([code, stdout], [0, ''])
})

// A process's memory can't be read from its start, by anyone: a file that is there and unreadable even for root.
const linux = process.platform === 'linux' ? test : test.skip

linux('a file that can not be read is reported and counted, and the others are hashed', async (t) => {
  const folder = `/proc/${process.pid}/task/${process.pid}`
  const args = ['--files', folder, '--glob', 'mem', 'comm', '--hash', 'sha256']
  const { code, stdout, stderr } = await millrace(t, args)
  t.is(code, 1)
  t.deepEqual(linesOf(stdout), sha256sums('/', folder, '-name', 'comm'))
  t.regex(stderr, new RegExp(`^millrace: ${folder}/mem: (Input/output error|Permission denied)`, 'm'))
  t.regex(stderr, /^items +2 produced = 1 processed \+ 1 dead-lettered$/m)
})
