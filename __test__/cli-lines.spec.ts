import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { conserved, millrace, statsIn } from './helpers/cli.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

test('--lines counts the lines of all files', async (t) => {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'a'), 'line\n'.repeat(50_000))
  await writeFile(join(cwd, 'b'), 'one\r\ntwo\r\n\r\nlast')
  await writeFile(join(cwd, 'empty'), '')
  const ended = await millrace(t, ['--lines', 'a', 'b', 'empty', '--json'], { cwd })
  const stats = statsIn(t, ended)
  t.is(ended.code, 0)
  t.is(stats.processed, 50_004)
  t.is(stats.state, 'stopped')
  conserved(t, stats)
})

test('--hash prints a digest for each line, of its bytes', async (t) => {
  const cwd = await temporaryFolder(t)
  const lines = [
    Buffer.from('one'),
    Buffer.from(''),
    Buffer.from('zwölf'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('last'),
  ]
  await writeFile(
    join(cwd, 'a'),
    Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])).subarray(0, -1),
  )
  const { code, stdout } = await millrace(t, ['--lines', 'a', '--hash', 'sha256'], { cwd })
  t.is(code, 0)
  t.deepEqual(stdout.trimEnd().split('\n').sort(), lines.map(sha256).sort())
})

test('a digest for each of 200,000 lines, none lost on the way to stdout', async (t) => {
  const cwd = await temporaryFolder(t)
  const lines = Array.from({ length: 200_000 }, (_, n) => `line ${n}`)
  await writeFile(join(cwd, 'a'), `${lines.join('\n')}\n`)
  const { code, stdout } = await millrace(t, ['--lines', 'a', '--hash', 'sha256'], { cwd })
  t.is(code, 0)
  t.deepEqual(stdout.trimEnd().split('\n').sort(), lines.map(sha256).sort())
})
