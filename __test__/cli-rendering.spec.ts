import test from 'ava'
import { renderBlock } from '../src/cli/block.js'
import { alignColumns, formatElapsed, formatLatency, formatRate, oneLine } from '../src/cli/format.js'
import { gauge } from '../src/cli/gauge.js'
import { progressLine } from '../src/cli/plain.js'
import { failureLine } from '../src/cli/problems.js'
import { remainingText, remainingTime } from '../src/cli/remaining.js'
import { conservation, renderReport } from '../src/cli/report.js'
import { statsLike, threadLike } from './helpers/stats.js'

const plain = { columns: 80, duration: 10_000, paint: (_: string, text: string) => text }

test('the gauge shows eighths of a cell, and never more than its width', (t) => {
  t.is(gauge(0, 1_000, 4), '░░░░')
  t.is(gauge(500, 1_000, 4), '██░░')
  t.is(gauge(1_000, 1_000, 4), '████')
  t.is(gauge(1, 32, 4), '▏░░░')
  t.is(gauge(31, 32, 4), '███▉')
  t.is(gauge(2_000, 1_000, 4), '████')
})

test('the block shows queue, rate, threads and time', (t) => {
  t.is(
    renderBlock(statsLike(), plain),
    [
      'queue      ███████████████░░░░░░░░░░░░░░░    500 of 1,000, peak 750',
      'rate       401.2 items/s, mean 373.8',
      'producers  1,703 produced, 2 busy  851 852',
      'consumers  1,200 processed, 1 busy',
      'time       3.2 s of 10.0 s',
    ].join('\n'),
  )
})

test('the block of a draining system says how many are left and for how long', (t) => {
  const ended = threadLike({ state: 'ended', items: 5 })
  const stats = statsLike({ state: 'draining', producers: [ended, ended, threadLike({ state: 'waiting' })] })
  const lines = renderBlock(stats, plain).split('\n')
  t.is(lines.at(-1), 'draining   503 left, about 1.3 s, 3.2 s so far')
  t.is(lines[2], 'producers  1,703 produced, 1 waiting, 2 ended  5 5 0')
})

test('the block counts what failed', (t) => {
  t.regex(renderBlock(statsLike({ deadLettered: 2 }), plain), /mean 373\.8, 2 dead-lettered\n/)
})

test('no line of the block is longer than the terminal is wide', (t) => {
  const producers = Array.from({ length: 200 }, () => threadLike({ items: 12_345 }))
  for (const columns of [12, 20, 40, 80, 200]) {
    for (const state of ['running', 'draining'] as const) {
      const block = renderBlock(statsLike({ producers, state }), { ...plain, columns })
      const longest = Math.max(...block.split('\n').map((line) => line.length))
      t.true(longest <= columns, `${longest} cells in ${columns} columns`)
    }
  }
})

test('what is painted is what is shown without paint', (t) => {
  const painted = renderBlock(statsLike(), { ...plain, paint: (style, text) => `<${style}>${text}</>` })
  t.is(painted.replaceAll(/<.*?>/g, ''), renderBlock(statsLike(), plain))
  t.not(painted, renderBlock(statsLike(), plain))
})

test('the remaining time goes by the present rate, or else by the mean', (t) => {
  const left = { queued: 90, inFlight: 5, retrying: 5 }
  t.is(remainingTime(statsLike({ ...left, throughput: { current: 50, mean: 10 } })), 2_000)
  t.is(remainingTime(statsLike({ ...left, throughput: { current: 0, mean: 10 } })), 10_000)
  t.is(remainingText(statsLike({ ...left, throughput: { current: 0, mean: 0 } })), '100 left')
})

test('the plain line', (t) => {
  t.is(
    progressLine(statsLike()),
    '3.2 s  running  500 of 1,000 queued  1,703 produced  1,200 processed  401.2 items/s',
  )
  t.regex(
    progressLine(statsLike({ state: 'draining', deadLettered: 1 })),
    /draining, 503 left, about 1\.3 s .* 1 dead-/,
  )
})

test('the report has a row for each thread, then the totals', (t) => {
  const handling = { count: 30, p50: 12.5, p90: 18, p99: 19.95, max: 20.1 }
  const stats = statsLike({
    state: 'stopped',
    processed: 1_703,
    queued: 0,
    inFlight: 0,
    latency: { queued: { count: 0, p50: 0, p90: 0, p99: 0, max: 0 }, handling },
  })
  t.is(
    renderReport(stats),
    [
      'producer     produced  failed  waited on a full channel',
      'millrace-p0       851       0                     0.1 s',
      'millrace-p1       852       0                     0.1 s',
      '',
      'consumer     processed  failed   busy  waited on an empty channel',
      'millrace-c0      1,200       0  3.1 s                       0.1 s',
      '',
      'items       1,703 produced = 1,703 processed + 0 dead-lettered',
      'time        3.2 s, stopped',
      'throughput  373.8 items/s',
      'queue       at most 750 of 1,000',
      'in queue    not sampled',
      'handling    p50 12.5 ms, p90 18.0 ms, p99 19.9 ms, max 20.1 ms',
      '',
    ].join('\n'),
  )
})

test('the conservation line shows where it does not hold', (t) => {
  const aborted = statsLike({
    produced: 10,
    processed: 6,
    deadLettered: 1,
    discarded: 3,
    queued: 0,
    inFlight: 0,
  })
  t.is(conservation(aborted), '10 produced = 6 processed + 1 dead-lettered + 3 discarded')
  t.is(
    conservation({ ...aborted, discarded: 2 }),
    '10 produced ≠ 6 processed + 1 dead-lettered + 2 discarded',
  )
})

test('times and rates as people read them', (t) => {
  t.deepEqual([0, 49, 59_949, 59_950, 125_000, 3_599_999, 3_725_000].map(formatElapsed), [
    '0.0 s',
    '0.0 s',
    '59.9 s',
    '1 min 00 s',
    '2 min 05 s',
    '1 h 00 min',
    '1 h 02 min',
  ])
  t.deepEqual([0, 0.0354, 0.9996, 12.54, 999.96, 1_240].map(formatLatency), [
    '0 µs',
    '35 µs',
    '1.0 ms',
    '12.5 ms',
    '1.0 s',
    '1.2 s',
  ])
  t.deepEqual([0, 401.23, 999.96, 12_345.6].map(formatRate), ['0.0', '401.2', '1,000', '12,346'])
})

test('columns are aligned by their widest cell', (t) => {
  t.deepEqual(
    alignColumns([
      ['name', 'n'],
      ['a', '100'],
    ]),
    ['name    n', 'a     100'],
  )
})

test('a problem is one line, whatever the name and the message hold', (t) => {
  t.is(oneLine('a\nb\r\x1b[2J\x7f\u0085'), 'a\\nb\\r\\u001b[2J\\u007f\\u0085')
  t.is(failureLine(Buffer.from('dir/a\nb'), new Error('no\tnews')), 'millrace: dir/a\\nb: no\\tnews')
  t.is(failureLine('x'.repeat(1_000), 'text').length, 'millrace: '.length + 201 + ": 'text'".length)
})

test('a message that begins with the name is not given it twice', (t) => {
  t.is(failureLine('dir/a', new Error('dir/a: No such file')), 'millrace: dir/a: No such file')
  t.is(failureLine('dir', new Error('dir/a: No such file')), 'millrace: dir: dir/a: No such file')
})
