import test from 'ava'
import { Escalation } from '../src/cli/signals.js'

test('the first signal drains, the second aborts, any further one exits', (t) => {
  const escalation = new Escalation(false)
  t.deepEqual(
    [0, 0, 1, 2].map((now) => escalation.next(now)),
    ['drain', 'abort', 'exit', 'exit'],
  )
})

test('below npm, what comes within 100 ms is a copy', (t) => {
  const escalation = new Escalation(true)
  t.is(escalation.next(1_000), 'drain')
  t.is(escalation.next(1_001), undefined)
  t.is(escalation.next(1_101), 'abort')
  t.is(escalation.next(1_200), undefined)
  t.is(escalation.next(1_300), 'exit')
})
