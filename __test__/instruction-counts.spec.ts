import test from 'ava'
import { type Baseline, compare } from '../scripts/instruction-counts.js'

const baseline: Baseline = {
  compiler: 'rustc 1.95.0',
  library: 'ldd 2.36',
  paths: { item: { instructions: 800, allocations: 1 } },
}

test('a count up to a tenth above the baseline passes, and so does one below it', (t) => {
  for (const instructions of [100, 800, 880]) {
    const { passed, failures } = compare(baseline, { item: { instructions, allocations: 1 } })
    t.deepEqual({ passed, failures }, { passed: 1, failures: [] })
  }
})

test('a count that is higher fails, and says what was expected and what came', (t) => {
  const { passed, failures } = compare(baseline, { item: { instructions: 881, allocations: 1 } })
  t.is(passed, 0)
  t.deepEqual(failures, ['item: expected at most 880 instructions an item (800 and 10 %), got 881'])
})

test('an allocation more fails, too', (t) => {
  const { failures } = compare(baseline, { item: { instructions: 800, allocations: 2 } })
  t.deepEqual(failures, ['item: expected at most 1.11 allocations an item (1 and 10 %), got 2'])
})

test('a path without a baseline and a baseline without a count fail', (t) => {
  const { passed, failures } = compare(baseline, { other: { instructions: 1, allocations: 0 } })
  t.is(passed, 0)
  t.deepEqual(
    failures.map((failure) => failure.split(':')[0]),
    ['item', 'other'],
  )
})
