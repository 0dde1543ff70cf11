/** The soak itself: what it counts, what it finds in histories that can't be, and how it takes the ends of processes. */

import { fileURLToPath } from 'node:url'
import test from 'ava'
import { quietly } from './soak/programs/chance.js'
import { Ledger } from './soak/programs/channel-ledger.js'
import { planRound } from './soak/programs/channel-plan.js'
import { type End, judge } from './soak/programs/channel-verdict.js'
import { Sent, SystemLedger } from './soak/programs/system-ledger.js'
import { planSystem } from './soak/programs/system-plan.js'
import { judgeSystem, type SystemEnd } from './soak/programs/system-verdict.js'
import { take } from './soak/rounds-part.js'
import { Tally, TRIED, table, WRONG } from './soak/tally.js'
import { trial } from './soak/trial.js'

const SOAK = fileURLToPath(new URL('./soak/main.js', import.meta.url))
const programOf = (name: string): string =>
  fileURLToPath(new URL(`./soak/programs/${name}.js`, import.meta.url))

const ITEMS = 10
const SENDER = 0
const RECEIVER = 1
const OTHER = 2

/** A channel's history in which all items were sent and received, and what it ends with. */
function history(): { ledger: Ledger; end: End & { dead: Set<number> } } {
  const ledger = new Ledger(ITEMS)
  ledger.called(0, ITEMS)
  ledger.admitted(0, ITEMS)
  ledger.set(SENDER, 'firm', ITEMS)
  for (let item = 0; item < ITEMS; item++) ledger.receive(item)
  const senders = [{ thread: SENDER, from: 0, to: ITEMS }]
  return { ledger, end: { senders, dead: new Set<number>(), discarded: 0, dropped: 0 } }
}

/** The same, but for item 3 as if nobody had received it. */
function unreceived(): ReturnType<typeof history> {
  const made = history()
  made.ledger.received[3] = 0
  return made
}

test('a channel that hands each item over once has done as it should', (t) => {
  const { ledger, end } = history()
  const { admitted, lost, duplicated, uncalled, impossible } = judge(ledger, end)
  t.deepEqual(
    { admitted, lost, duplicated, uncalled, impossible },
    {
      admitted: ITEMS,
      lost: 0,
      duplicated: [],
      uncalled: [],
      impossible: [],
    },
  )
})

test('an item that nobody received is lost', (t) => {
  const { ledger, end } = unreceived()
  const { lost, missing } = judge(ledger, end)
  t.is(lost, 1)
  t.deepEqual(missing, [3])
})

test('an item that was received twice is doubled', (t) => {
  const { ledger, end } = history()
  ledger.receive(5)
  t.deepEqual(judge(ledger, end).duplicated, [5])
})

test('an item that an abort gave back after it was received is doubled', (t) => {
  const { ledger, end } = history()
  ledger.withdraw(5)
  t.deepEqual(judge(ledger, end).duplicated, [5])
})

test('an item that comes although its send was refused, or never made, is one too many', (t) => {
  const { ledger, end } = history()
  ledger.refused(2)
  ledger.sent[7] = Sent.no
  t.deepEqual(judge(ledger, end).uncalled, [2, 7])
})

test('an item may be missing where the abort counted it, and no other', (t) => {
  const { ledger, end } = unreceived()
  t.is(judge(ledger, { ...end, discarded: 1 }).lost, 0)
  ledger.received[4] = 0
  t.is(judge(ledger, { ...end, discarded: 1 }).lost, 1)
})

test('an abort that counts more than is missing is found out', (t) => {
  const { ledger, end } = history()
  t.regex(
    judge(ledger, { ...end, discarded: 1 }).impossible.join(),
    /1 items were discarded, of which only 0/,
  )
})

test('what a send dropped is told of, once', (t) => {
  const { ledger, end } = unreceived()
  t.regex(judge(ledger, { ...end, dropped: 1 }).impossible.join(), /0 items were told as dropped/)
  ledger.drop(3)
  t.is(judge(ledger, { ...end, dropped: 1 }).lost, 0)
  ledger.receive(3)
  t.deepEqual(judge(ledger, { ...end, dropped: 1 }).duplicated, [3])
})

test('what was sent in the turn in which its thread died may be missing, and nothing that was sent before', (t) => {
  const { ledger, end } = unreceived()
  end.dead.add(SENDER)
  ledger.set(SENDER, 'firm', 3)
  t.is(judge(ledger, end).lost, 0)
  ledger.set(SENDER, 'firm', 4)
  t.is(judge(ledger, end).lost, 1)
  end.dead.clear()
  ledger.set(SENDER, 'firm', 3)
  t.is(judge(ledger, end).lost, 1, 'only where the thread died')
})

test('what was on its way to code that died may be missing, and no more than that', (t) => {
  const { ledger, end } = unreceived()
  ledger.change(RECEIVER, 'reach', 1)
  t.is(judge(ledger, end).lost, 1, 'only where the thread died')
  end.dead.add(RECEIVER)
  t.is(judge(ledger, end).lost, 0)
  ledger.received[4] = 0
  t.is(judge(ledger, end).lost, 1)
})

test('a leased item comes again where its holder gave it back or died, and has to', (t) => {
  for (const comesBack of ['given back', 'dead', undefined]) {
    const { ledger, end } = unreceived()
    ledger.lease(3, RECEIVER)
    if (comesBack === 'given back') ledger.giveBack(3)
    if (comesBack === 'dead') end.dead.add(RECEIVER)
    else ledger.release(3, RECEIVER)
    t.is(judge(ledger, end).lost, 1, `${comesBack}, and never again`)
    ledger.lease(3, OTHER)
    ledger.settle(3)
    ledger.release(3, OTHER)
    const { lost, duplicated } = judge(ledger, end)
    t.is(lost, 0)
    t.deepEqual(duplicated, comesBack ? [] : [3], `${comesBack}, and once more`)
    ledger.receive(3)
    t.deepEqual(judge(ledger, end).duplicated, [3], 'twice more')
  }
})

/** A system's history in which all items were processed, and what it ends with. */
function systemHistory(): { ledger: SystemLedger; end: SystemEnd } {
  const ledger = new SystemLedger(ITEMS)
  ledger.sent.fill(Sent.admitted)
  ledger.begun.fill(1)
  ledger.finished.fill(1)
  ledger.results.fill(1)
  const none = { deadLettered: 0, discarded: 0, retrying: 0, inFlight: 0, queued: 0 }
  const report = { produced: ITEMS, processed: ITEMS, ...none, peakQueued: 5, capacity: 5 }
  return { ledger, end: { report, allResults: true, atDeath: 0 } }
}

test('a system that processes each item once has done as it should', (t) => {
  const { ledger, end } = systemHistory()
  t.deepEqual(judgeSystem(ledger, end), { admitted: ITEMS, lost: [], duplicated: [], impossible: [] })
})

test('an item that no handler was done with, or whose result never came, is lost', (t) => {
  const { ledger, end } = systemHistory()
  ledger.finished[3] = 0
  ledger.results[4] = 0
  t.deepEqual(judgeSystem(ledger, end).lost, [3, 4])
  t.deepEqual(judgeSystem(ledger, { ...end, allResults: false }).lost, [3])
})

test('an item that was done with twice, gave two results, or has two ends is doubled', (t) => {
  const { ledger, end } = systemHistory()
  ledger.finished[2] = 2
  ledger.results[5] = 2
  ledger.letters[6] = 2
  ledger.told[7] = 2
  t.deepEqual(judgeSystem(ledger, end).duplicated.toSorted(), [2, 5, 6, 7])
})

test('an item may be done with again where its worker died, or its attempt was broken off', (t) => {
  const { ledger, end } = systemHistory()
  ledger.finished[2] = 2
  ledger.brokenOff[2] = 1
  t.deepEqual(judgeSystem(ledger, end).duplicated, [])
  ledger.brokenOff[2] = 0
  t.deepEqual(judgeSystem(ledger, { ...end, atDeath: 1 }).duplicated, [])
  ledger.cutShort[2] = 1
  t.deepEqual(judgeSystem(ledger, { ...end, atDeath: 1 }).duplicated, [])
  ledger.finished[3] = 2
  t.deepEqual(judgeSystem(ledger, { ...end, atDeath: 1 }).duplicated, [3])
})

test('no more items gain a death than dead workers had in hand', (t) => {
  const { ledger, end } = systemHistory()
  ledger.cutShort.fill(1, 0, 3)
  t.deepEqual(judgeSystem(ledger, { ...end, atDeath: 3 }).impossible, [])
  t.regex(judgeSystem(ledger, { ...end, atDeath: 2 }).impossible.join(), /3 items gained a death.*only 2/)
})

test('figures that contradict what is known by number are found out', (t) => {
  const { ledger, end } = systemHistory()
  const impossible = (changes: Partial<SystemEnd['report']>): string =>
    judgeSystem(ledger, { ...end, report: { ...end.report, ...changes } }).impossible.join()
  t.regex(impossible({ produced: 11 }), /produced 11 is not the sum of the others, 10/)
  t.regex(
    impossible({ processed: 9, queued: 1 }),
    /all of them settled.*processed is 9, of which 10 are known/,
  )
  t.regex(impossible({ processed: 9, discarded: 1 }), /discarded is 1, of which 0 are known/)
  t.regex(impossible({ peakQueued: 6 }), /peak 6 beyond 5/)
})

test('the same seed plans the same round', (t) => {
  t.deepEqual(planRound(quietly(7)), planRound(quietly(7)))
  t.deepEqual(planSystem(quietly(7)), planSystem(quietly(7)))
  t.notDeepEqual(planSystem(quietly(7)), planSystem(quietly(8)))
})

for (const name of ['channels', 'systems']) {
  test(`a round of ${name} can be played again by its seed`, async (t) => {
    const { tally, logged } = taking()
    take(tally, programOf(name), await trial(process.execPath, [programOf(name), '--round-seed', '5']))
    t.deepEqual(tally.tally.problems, [])
    t.true(tally.tally.counts.items > 0)
    t.regex(logged.join(), /^1 rounds: /)
  })
}

for (const [what, source, problem] of [
  ['a signal', 'process.kill(process.pid, "SIGABRT")', /SIGABRT:\nlast words/],
  ['an exit code', 'process.exit(3)', /exit code 3:\nlast words/],
  ['no answer', '', /expected a line of JSON, got ""/],
] as const) {
  test(`a process that ends by ${what} is a crash`, async (t) => {
    const program = `process.stderr.write('last words\\n', () => { ${source} })`
    const { tally } = taking()
    take(tally, 'the program', await trial(process.execPath, ['--eval', program]))
    t.is(tally.tally.counts.crashes, 1)
    t.is(tally.tally.problems.length, 1)
    t.regex(tally.tally.problems[0] as string, problem)
  })
}

test('a process that does not end is a hang', async (t) => {
  const ended = await trial(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'], { timeout: 1 })
  t.true(ended.hung)
  t.is(ended.signal, 'SIGKILL')
  const { tally } = taking()
  take(tally, 'the program', { ...ended, stderr: 'round 4\nround 5\n' })
  t.is(tally.tally.counts.hangs, 1)
  t.deepEqual(tally.tally.problems.length, 1)
  t.regex(tally.tally.problems[0] as string, /had not ended .*\nround 4\nround 5/)
})

test('what a process told before it died counts', (t) => {
  const told = new Tally()
  told.tried('items', 7)
  told.wrong('lost', 'item 3', 2)
  const { tally } = taking()
  const stdout = JSON.stringify({ rounds: 1, counts: told.counts, problems: told.problems, figures: {} })
  take(tally, 'the program', { code: null, signal: 'SIGSEGV', stdout, stderr: '', hung: false, took: 1 })
  t.deepEqual([tally.tally.counts.items, tally.tally.counts.lost, tally.tally.counts.crashes], [7, 2, 1])
  t.true(tally.tally.failed)
})

function taking() {
  const logged: string[] = []
  return { logged, tally: { tally: new Tally(), log: (message: string) => void logged.push(message) } }
}

test('the table has a row for each tally and one for their sums', (t) => {
  const [one, other] = [new Tally(), new Tally()]
  one.tried('items', 1_000_000)
  one.tried('closes')
  other.tried('items', 234)
  other.wrong('lost', 'it was sent, and nobody received it', 3)
  t.false(one.failed)
  t.true(other.failed)
  t.deepEqual(other.problems, ['lost: it was sent, and nobody received it'])
  const [head, ...rows] = table(
    new Map([
      ['one', one],
      ['other', other],
    ]),
  ).split('\n')
  t.deepEqual(head?.trim().split(/\s+/), [...TRIED, ...WRONG])
  t.deepEqual(
    rows.map((row) => row.split(/\s+/)),
    [
      ['one', '1,000,000', '1', '0', '0', '0', '0', '0', '0', '0', '0', '0'],
      ['other', '234', '0', '0', '0', '0', '0', '3', '0', '0', '0', '0'],
      ['total', '1,000,234', '1', '0', '0', '0', '0', '3', '0', '0', '0', '0'],
    ],
  )
  t.is(new Set(rows.map((row) => row.length)).size, 1, 'columns are aligned')
})

for (const [args, complaint] of [
  [['nonsense'], /expected one of .*channels.*, got nonsense/],
  [['--minutes', '0'], /expected a number above 0, got 0/],
  [['--seed', '-1'], /expected a whole number from 0, got -1/],
] as const) {
  test(`the soak refuses ${args.join(' ')}`, async (t) => {
    const { code, stdout, stderr } = await trial(process.execPath, [SOAK, ...args])
    t.is(code, 1)
    t.is(stdout, '')
    t.regex(stderr, complaint)
  })
}
