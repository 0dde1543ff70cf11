import test from 'ava'
import { failuresIn } from '../scripts/failures.js'

test("of cargo's test programs, the failures of each are found, and nothing of those that passed", (t) => {
  const failed = (name: string) =>
    `failures:\n\n---- ${name} stdout ----\npanicked at ${name}\n\nfailures:\n    ${name}\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored`
  const passed = 'running 1 test\ntest good ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored'
  const output = [passed, failed('one'), passed, failed('two'), passed, ''].join('\n\n')
  t.is(failuresIn(output), `${failed('one')}\n\n${failed('two')}`)
})

test('of AVA, what it prints behind its list of tests is found', (t) => {
  const output = '\n  ✔ good\n  ✘ [fail]: bad\n  ─\n\n  bad\n\n  Value is not `true`\n\n  1 test failed\n'
  t.is(failuresIn(output), '─\n\n  bad\n\n  Value is not `true`\n\n  1 test failed')
})

test('of anything else, its last lines are taken', (t) => {
  const lines = Array.from({ length: 100 }, (_, line) => `line ${line}`)
  t.is(failuresIn(`${lines.join('\n')}\n\n`), lines.slice(-60).join('\n'))
})
