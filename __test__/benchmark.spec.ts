/** How runs are compared and judged, with contestants whose figures are given. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { measure } from '../benchmark/measure.js'
import type { MeasuredPeer, PeerResult } from '../benchmark/result.js'
import { type Results, writeCase } from '../benchmark/results.js'
import { fastMode, judge, median, medianRatio, spread } from '../benchmark/statistics.js'
import { table } from '../benchmark/table.js'
import { MissingToolchain, probe } from '../benchmark/toolchain.js'
import type { Contestant, Workload } from '../benchmark/workload.js'

/** A contestant whose runs give these figures in turn, or fail. */
function runs(name: string, figures: (number | Error)[], more: Partial<Contestant> = {}): Contestant {
  const left = [...figures]
  return {
    name,
    how: 'given',
    run: async () => {
      const figure = left.shift()
      if (figure === undefined) throw new RangeError(`expected ${figures.length} runs of ${name}, got more`)
      if (figure instanceof Error) throw figure
      return figure
    },
    ...more,
  }
}

function workload(ours: Contestant, peers: Contestant[], more: Partial<Workload> = {}): Workload {
  return { case: 'case', workload: 'workload', unit: 'items/s', items: 100, ours, peers, ...more }
}

function measured(result: PeerResult | undefined): MeasuredPeer {
  if (result === undefined || 'missing' in result) throw new TypeError('expected a peer that was measured')
  return result
}

const quietly = { rounds: 3, quick: false, onRun: () => {} }

test('a median is the one in the middle, or lies halfway between two', (t) => {
  t.is(median([5, 1, 3]), 3)
  t.is(median([5, 1, 3, 11]), 4)
  t.is(median([]), Number.NaN)
  t.deepEqual(spread([5, 1, 3]), [1, 5])
  t.deepEqual(spread([]), [Number.NaN, Number.NaN])
})

test('the ratio is the median over rounds, and not the ratio of the medians', (t) => {
  t.is(medianRatio([10, 20, 90], [10, 5, 30]), 3)
  t.is(medianRatio([10, 20, 90], [10, Number.NaN, 30]), 2)
})

test('the fast mode is the high one of rates and the low one of times', (t) => {
  t.deepEqual(fastMode([300], [100, 50, 90, 79, 81], 'higher'), { runs: 3, value: 90, ratio: 300 / 90 })
  t.deepEqual(fastMode([5], [10, 20, 12, 12.6, 12.4], 'lower'), { runs: 3, value: 12, ratio: 5 / 12 })
})

test('a figure meets a limit that it just reaches, and NaN meets none', (t) => {
  t.is(judge({ bar: 2, aim: 3 }, 3, 'higher')?.met, 'aim')
  t.is(judge({ bar: 2, aim: 3 }, 2, 'higher')?.met, 'bar')
  t.is(judge({ bar: 2, aim: 3 }, 1.99, 'higher')?.met, 'none')
  t.is(judge({ bar: 1.15, aim: 1 }, 1, 'lower')?.met, 'aim')
  t.is(judge({ bar: 1.15, aim: 1 }, 1.15, 'lower')?.met, 'bar')
  t.is(judge({ bar: 1.15, aim: 1 }, 1.16, 'lower')?.met, 'none')
  t.is(judge({ bar: 1.15 }, Number.NaN, 'lower')?.met, 'none')
  t.is(judge({}, 3, 'higher'), undefined)
})

test('contestants run in turn, each with its own number of items', async (t) => {
  const order: [string, number][] = []
  const noting = (name: string, items?: number): Contestant => ({
    name,
    how: 'noted',
    run: async (count) => order.push([name, count]),
    ...(items !== undefined && { items }),
  })
  await measure(workload(noting('ours'), [noting('a', 7), noting('b')]), { ...quietly, rounds: 2 })
  const round = [
    ['ours', 100],
    ['a', 7],
    ['b', 100],
  ] as [string, number][]
  t.deepEqual(order, [...round, ...round])
})

test('a bar of a peer is judged by the ratio, and by that to the fast mode where there are two modes', async (t) => {
  const ours = [300, 330, 360]
  const theirs = [100, 50, 110]
  const asked = { bar: 3.1, aim: 4 }
  const { peers } = await measure(
    workload(runs('ours', ours), [
      runs('steady', theirs, asked),
      runs('bimodal', theirs, { ...asked, bimodal: true }),
      runs('easy', theirs, { ...asked, bar: 3, aim: 3.2, bimodal: true }),
      runs('unasked', theirs),
    ]),
    quietly,
  )
  const [steady, bimodal, easy, unasked] = peers.map(measured)
  t.is(steady?.ratio, 360 / 110)
  t.deepEqual(steady?.asked, { ...asked, met: 'bar' })
  t.deepEqual(bimodal?.fast, { runs: 2, value: 105, ratio: 330 / 105 })
  t.deepEqual(bimodal?.asked, { ...asked, met: 'bar' })
  t.deepEqual(easy?.asked, { bar: 3, aim: 3.2, met: 'bar' })
  t.false('asked' in (unasked ?? {}))
})

test('where smaller is better, the bar is a most and the fast mode is the short one', async (t) => {
  const { better, peers } = await measure(
    workload(runs('ours', [11, 12, 12]), [runs('bimodal', [20, 10, 10], { bar: 1.15, bimodal: true })], {
      better: 'lower',
      unit: 'µs',
    }),
    quietly,
  )
  const [peer] = peers.map(measured)
  t.is(better, 'lower')
  t.is(peer?.ratio, 1.2)
  t.deepEqual(peer?.fast, { runs: 2, value: 10, ratio: 1.2 })
  t.deepEqual(peer?.asked, { bar: 1.15, met: 'none' })
})

test('a bar of the workload is judged by the median of ours', async (t) => {
  const memory = (bar: number) =>
    measure(workload(runs('ours', [70, 60, 65]), [], { better: 'lower', unit: 'MB', bar }), quietly)
  t.deepEqual((await memory(64)).asked, { bar: 64, met: 'none' })
  t.deepEqual((await memory(65)).asked, { bar: 65, met: 'bar' })
})

test('a peer without its toolchain is tried once, listed as missing, and judged by nothing', async (t) => {
  const result = await measure(
    workload(runs('ours', [1, 2, 3]), [
      runs('go', [new MissingToolchain('go: tried go version, got ENOENT')], { bar: 6 }),
      runs('other', [1, 1, 1]),
    ]),
    quietly,
  )
  t.deepEqual(result.peers[0], {
    name: 'go',
    how: 'given',
    missing: 'go: tried go version, got ENOENT',
    asked: { bar: 6 },
  })
  t.is(measured(result.peers[1]).ratio, 2)
  t.regex(table(result), /^go +missing +>= 6 x: not judged +go: tried go version, got ENOENT$/m)
})

test('a run of a peer that fails is reported, and its other runs count', async (t) => {
  const result = await measure(
    workload(runs('ours', [4, 6, 8]), [
      runs('peer', [new Error('lost an item'), 2, 4], { bar: 2 }),
      runs('broken', [new Error('a'), new Error('b'), new Error('c')], { bar: 2, bimodal: true }),
    ]),
    quietly,
  )
  const [peer, broken] = result.peers.map(measured)
  t.is(peer?.ratio, 2.5)
  t.deepEqual(peer?.failures, ['lost an item'])
  t.is(broken?.ratio, Number.NaN)
  t.deepEqual(broken?.asked, { bar: 2, met: 'none' })
  t.regex(table(result), /failed in 1 run +lost an item$/m)
})

test('a run of ours that fails fails it all', async (t) => {
  const lost = new Error('lost an item')
  const measuring = measure(workload(runs('ours', [1, lost, 1]), [runs('peer', [1, 1, 1])]), quietly)
  t.is(await t.throwsAsync(measuring), lost)
  const missing = new MissingToolchain('cargo')
  t.is(await t.throwsAsync(measure(workload(runs('ours', [missing]), []), quietly)), missing)
})

test('a quick run has a twentieth of the items, and nothing is judged', async (t) => {
  const counts: number[] = []
  const ours: Contestant = { name: 'ours', how: 'noted', run: async (items) => counts.push(items) }
  const result = await measure(workload(ours, [runs('peer', [1], { bar: 9 })], { bar: 9 }), {
    ...quietly,
    rounds: 1,
    quick: true,
  })
  t.deepEqual(counts, [5])
  t.false('asked' in result)
  t.false('asked' in measured(result.peers[0]))
})

test('the table says of each bar whether it was met', async (t) => {
  const result = await measure(
    workload(runs('ours', [4, 4, 4]), [
      runs('a', [1, 1, 1], { bar: 2, aim: 4 }),
      runs('b', [1, 1, 1], { bar: 4, aim: 5 }),
      runs('c', [1, 1, 1], { bar: 5 }),
    ]),
    quietly,
  )
  const text = table(result)
  t.regex(text, /^a .*4\.00 x +>= 2 x, aim 4 x: met, the aim too/m)
  t.regex(text, /^b .*4\.00 x +>= 4 x, aim 5 x: met {2}/m)
  t.regex(text, /^c .*4\.00 x +>= 5 x: MISSED/m)
})

test('a probe gives what a program prints first, and says what was tried where it is missing', (t) => {
  t.is(probe(process.execPath, '--version'), process.version)
  const missing = t.throws(() => probe('/no/such/program', 'version'), { instanceOf: MissingToolchain })
  t.is(missing?.message, '/no/such/program: tried /no/such/program version, got ENOENT')
  const failing = t.throws(() => probe(process.execPath, '-e', 'process.exit(3)'), {
    instanceOf: MissingToolchain,
  })
  t.regex(failing?.message ?? '', /got exit code 3$/)
})

test('the results of a case are a file with the date and its name', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const results: Results = {
    date: '2026-11-25T22:00:00.000Z',
    rounds: 9,
    quick: false,
    machine: { cpu: 'a cpu', cores: 2, memoryGiB: 24, platform: 'linux-x64' },
    versions: { node: 'v20' },
    commit: 'abc-dirty',
    cases: [],
  }
  const file = writeCase(folder, 'send-many', results)
  t.is(file, join(folder, '2026-11-25-send-many.json'))
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), results)
})
