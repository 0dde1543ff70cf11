import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { conserved, Running, statsIn } from './helpers/cli.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} drains, says how many are left, and reports`, async (t) => {
    const running = new Running(t, ['--duration', '1h', '--delay', '0', '--work', '1', '--capacity', '100'])
    await running.said(/ 100 of 100 queued/)
    running.signal(signal)
    await running.said(
      new RegExp(`^millrace: ${signal}: draining, \\d+ left, about \\d+\\.\\d s; again aborts$`, 'm'),
    )
    const { code, stdout } = await running.toEnd()
    t.is(code, exitCode)
    const [, produced, processed] =
      /^items +([\d,]+) produced = ([\d,]+) processed \+ 0 dead-/m.exec(stdout) ?? []
    t.truthy(produced)
    t.is(produced, processed)
    t.regex(stdout, /^time .*, stopped$/m)
  })
}

test('a second SIGINT aborts, and says what was left', async (t) => {
  const args = [
    '--producers',
    '2',
    '--consumers',
    '3',
    '--capacity',
    '50',
    '--delay',
    '0',
    '--work',
    '1h',
    '--json',
  ]
  const running = new Running(t, [...args, '--duration', '1h'])
  await running.said(/ 50 of 50 queued/)
  running.signal('SIGINT')
  await running.said(/^millrace: SIGINT: draining, 53 left; again aborts$/m)
  await running.signalAgain('SIGINT')
  const ended = await running.toEnd()
  t.regex(ended.stderr, /^millrace: SIGINT: aborted, 53 items left unprocessed$/m)
  t.is(ended.code, 130)
  const stats = statsIn(t, ended)
  t.is(stats.state, 'aborted')
  t.deepEqual([stats.produced, stats.processed], [53, 0])
  conserved(t, stats)
})

test('SIGINT while results stream drains, and every result is printed', async (t) => {
  const running = new Running(t, ['--hash', 'xxh3', '--delay', '0', '--duration', '1h'])
  running.child.stdout?.once('readable', () => running.signal('SIGINT'))
  const { code, stdout, stderr } = await running.toEnd()
  t.is(code, 130)
  const [, processed = ''] = /^items .* = ([\d,]+) processed \+ 0 dead-lettered$/m.exec(stderr) ?? []
  t.is(stdout.split('\n').length - 1, Number(processed.replaceAll(',', '')))
})

test('a second SIGINT ends a run whose stdout nobody reads', async (t) => {
  const running = new Running(t, ['--hash', 'xxh3', '--delay', '0', '--duration', '1h'])
  // Full pipe, full results: the consumers wait for the reader, and the producers for them.
  await running.said(/ 1,000 of 1,000 queued .* 0\.0 items\/s$/m)
  running.signal('SIGINT')
  await running.said(/SIGINT: draining, /)
  await running.signalAgain('SIGINT')
  t.is(await running.toExit(), 130)
})

test('a SIGINT while the first handler blocks drains, too', async (t) => {
  const folder = await temporaryFolder(t)
  const handler = join(folder, 'slow.mjs')
  await writeFile(
    handler,
    `let begun = false
    export default (item) => {
      if (!begun) process.stderr.write('at work\\n')
      begun = true
      for (const until = Date.now() + 300; Date.now() < until; );
      return item
    }`,
  )
  const running = new Running(t, ['--limit', '3', '--handler', handler])
  await running.said(/at work/)
  running.signal('SIGINT')
  const { code, stdout, stderr } = await running.toEnd()
  t.is(code, 130)
  t.regex(stderr, /Ctrl-C drains\n.*at work/s)
  t.regex(stderr, /SIGINT: draining/)
  t.is(stdout.trim().split('\n').length, 3)
})
