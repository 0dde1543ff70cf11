import { createHash } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import test from 'ava'
import { conserved, millrace, Running, statsIn } from './helpers/cli.js'

test('the exercise produces for its duration, drains, and reports on stdout', async (t) => {
  const { code, stdout, stderr } = await millrace(t, ['run', '--duration', '300ms'])
  t.is(code, 0)
  t.is(stdout.match(/^\S*p\d+\s+\d/gm)?.length, 10)
  t.is(stdout.match(/^millrace-c\d+\s+\d/gm)?.length, 5)
  const [, produced, processed] =
    /^items +([\d,]+) produced = ([\d,]+) processed \+ 0 dead-lettered$/m.exec(stdout) ?? []
  t.is(produced, processed)
  t.regex(stdout, /^throughput {2}[\d.]+ items\/s$/m)
  t.regex(stderr, /^millrace: 10 producers, 5 consumers, capacity 1,000, 0\.3 s; Ctrl-C drains$/m)
  t.regex(stderr, /^0\.\d s {2}draining, \d+ left/m)
})

test('--json prints the statistics and nothing else', async (t) => {
  const stats = statsIn(t, await millrace(t, ['--json', '--duration', '0.2']))
  t.deepEqual(Object.keys(stats).sort(), [
    'capacity',
    'consumers',
    'deadLettered',
    'discarded',
    'elapsed',
    'failedAttempts',
    'inFlight',
    'latency',
    'peakQueued',
    'processed',
    'produced',
    'producers',
    'queued',
    'retrying',
    'state',
    'throughput',
    'waiting',
    'waitingSends',
  ])
  t.is(stats.state, 'stopped')
  t.true(stats.produced > 0)
  t.is(stats.processed, stats.produced)
  t.deepEqual([stats.producers.length, stats.consumers.length], [10, 5])
  t.true(stats.elapsed >= 200)
  conserved(t, stats)
})

test('--producers, --consumers and --capacity set the sizes', async (t) => {
  const sizes = ['--producers', '3', '--consumers', '2', '--capacity', '7']
  const stats = statsIn(
    t,
    await millrace(t, [...sizes, '--limit', '100', '--delay', '0', '--work', '1', '--json']),
  )
  t.deepEqual([stats.producers.length, stats.consumers.length, stats.capacity], [3, 2, 7])
  t.is(stats.peakQueued, 7)
})

test('--limit ends the exercise when that many items are made', async (t) => {
  const stats = statsIn(t, await millrace(t, ['--limit', '25', '--work', '0', '--json']))
  t.deepEqual([stats.produced, stats.processed], [25, 25])
})

test('--delay and --work are the time that an item takes', async (t) => {
  const args = ['--producers', '1', '--consumers', '1', '--limit', '20', '--json']
  const slowToMake = statsIn(t, await millrace(t, [...args, '--delay', '10', '--work', '0']))
  t.true(slowToMake.elapsed >= 190, `${slowToMake.elapsed} ms`)
  const slowToHandle = statsIn(t, await millrace(t, [...args, '--delay', '0', '--work', '10-11']))
  t.true(slowToHandle.elapsed >= 200, `${slowToHandle.elapsed} ms`)
})

test('--hash prints a digest for each item, and the report goes to stderr', async (t) => {
  const args = ['--hash', 'sha256', '--producers', '1', '--limit', '20', '--delay', '0']
  const { code, stdout, stderr } = await millrace(t, args)
  const names = Array.from({ length: 20 }, (_, n) => `item_0_${n}`)
  const digests = names.map((name) => createHash('sha256').update(name).digest('hex'))
  t.is(code, 0)
  t.deepEqual(stdout.trimEnd().split('\n').sort(), digests.sort())
  t.regex(stderr, /^items +20 produced = 20 processed \+ 0 dead-lettered$/m)
})

test('--quiet leaves stderr empty, and the report where it is data', async (t) => {
  const { code, stdout, stderr } = await millrace(t, ['--quiet', '--limit', '5'])
  t.is(code, 0)
  t.is(stderr, '')
  t.regex(stdout, /^items +5 produced = 5 processed/m)
  t.is((await millrace(t, ['--quiet', '--limit', '5', '--hash', 'xxh3'])).stderr, '')
})

test('a line a second tells how it goes', async (t) => {
  const running = new Running(t, ['--duration', '1h'])
  await running.said(
    /^1\.\d s {2}running {2}[\d,]+ of 1,000 queued {2}[\d,]+ produced {2}[\d,]+ processed {2}[\d.]+ items\/s$/m,
  )
  await running.said(/^2\.\d s {2}running/m)
  running.signal('SIGINT')
  t.is((await running.toEnd()).code, 130)
})

test('a reader of stdout that goes away ends the run quietly', async (t) => {
  const running = new Running(t, ['--hash', 'xxh3', '--delay', '0', '--duration', '1h'])
  running.child.stdout?.once('data', () => running.child.stdout?.destroy())
  t.is(await running.toExit(), 0)
  t.notRegex(running.stderr, /EPIPE|Error|dead-lettered/)
})

const fullDisk = process.platform === 'linux' ? test : test.skip

fullDisk('a stdout that can not be written to is a problem', async (t) => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const { code, stderr } = await millrace(t, ['--limit', '5', '--json'], { stdout: full })
  t.is(code, 1)
  t.regex(stderr, /^millrace: stdout: .*ENOSPC/m)
})
