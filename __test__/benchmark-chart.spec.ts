/** What the chart's rows say of given results. */
import test from 'ava'
import { caseRows } from '../benchmark/chart-rows.js'
import type { MeasuredPeer, PeerResult, WorkloadResult } from '../benchmark/result.js'

function result(peers: PeerResult[], more: Partial<WorkloadResult> = {}): WorkloadResult {
  return {
    ...{
      case: 'case',
      workload: 'strings',
      unit: 'items/s',
      better: 'higher',
      ours: 8,
      oursSpread: [8, 8],
      peers,
    },
    ...more,
  }
}

function peer(name: string, ratio: number, more: Partial<MeasuredPeer> = {}): MeasuredPeer {
  return { name, how: 'given', value: 1, spread: [1, 1], ratio, ...more }
}

test('a peer that something was asked of has a row, with what was asked and whether it is met', (t) => {
  const rows = caseRows([
    result([
      peer('a', 8, { asked: { bar: 5, aim: 9, met: 'bar' } }),
      peer('b', 8, { asked: { bar: 10, met: 'none' }, fast: { runs: 3, value: 2, ratio: 4 } }),
    ]),
  ])
  t.deepEqual(rows, [
    {
      case: 'case',
      label: 'strings · a',
      points: [{ better: 8, verdict: 'met' }],
      text: '8.0 ×',
      bar: 5,
      aim: 9,
    },
    {
      case: 'case',
      label: 'strings · b',
      points: [{ better: 4, verdict: 'missed' }],
      text: '4.0 ×',
      bar: 10,
    },
  ])
})

test('where smaller is better, ratios and bars are turned', (t) => {
  const [row] = caseRows([
    result([peer('a', 0.25, { asked: { bar: 0.5, aim: 0.1, met: 'bar' } })], { better: 'lower', unit: 'µs' }),
  ])
  t.deepEqual(row?.points, [{ better: 4, verdict: 'met' }])
  t.is(row?.text, '4.0 ×')
  t.deepEqual([row?.bar, row?.aim], [2, 10])
})

test('a peer that nothing was asked of has one row with a point for each workload', (t) => {
  const rows = caseRows([
    result([peer('other', 3), peer('a', 2, { asked: { bar: 1, met: 'bar' } })]),
    result([peer('other', 5)], { workload: 'numbers' }),
  ])
  t.deepEqual(
    rows.map(({ label, points, text }) => [label, text, points]),
    [
      ['strings · a', '2.0 ×', [{ better: 2, verdict: 'met' }]],
      [
        'other',
        '3.0 – 5.0 ×',
        [
          { better: 3, verdict: 'unasked' },
          { better: 5, verdict: 'unasked' },
        ],
      ],
    ],
  )
})

test('what is asked of ours alone is drawn against its bar', (t) => {
  const [memory] = caseRows([
    result([], { better: 'lower', unit: 'MB', ours: 32, asked: { bar: 64, aim: 16, met: 'bar' } }),
  ])
  t.like(memory, { label: 'strings · asked: ≤ 64 MB', bar: 1, aim: 4, text: '32.0 MB' })
  t.deepEqual(memory?.points, [{ better: 2, verdict: 'met' }])
})

test('a peer that is missing or that failed has a row that says so', (t) => {
  const failed = peer('failed', null as unknown as number)
  const rows = caseRows([
    result([
      { name: 'missing', how: 'given', missing: 'go: tried go version, got ENOENT', asked: { bar: 6 } },
      { ...failed, asked: { bar: 2, met: 'none' } },
      { name: 'gone', how: 'given', missing: 'java' },
    ]),
  ])
  t.deepEqual(
    rows.map(({ label, text, points, bar }) => [label, text, points.length, bar]),
    [
      ['strings · missing', 'missing', 0, 6],
      ['strings · failed', 'failed', 0, 2],
      ['strings · gone', 'missing', 0, undefined],
    ],
  )
})
