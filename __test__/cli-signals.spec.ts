import test from 'ava'
import { Escalation, onInterrupt, type Step } from '../src/cli/signals.js'
import { until } from './helpers/gate.js'

test('the first signal drains, the second aborts, any further one exits', (t) => {
  const escalation = new Escalation()
  t.deepEqual(
    [0, 100, 200, 300].map((now) => escalation.next('SIGINT', now)),
    ['drain', 'abort', 'exit', 'exit'],
  )
})

test('the same signal within 100 ms is a copy', (t) => {
  const escalation = new Escalation()
  t.is(escalation.next('SIGINT', 1_000), 'drain')
  t.is(escalation.next('SIGINT', 1_001), undefined)
  t.is(escalation.next('SIGINT', 1_101), 'abort')
  t.is(escalation.next('SIGINT', 1_200), undefined)
  t.is(escalation.next('SIGINT', 1_300), 'exit')
})

test('another signal is no copy, however soon', (t) => {
  const escalation = new Escalation()
  t.is(escalation.next('SIGINT', 1_000), 'drain')
  t.is(escalation.next('SIGTERM', 1_000), 'abort')
  t.is(escalation.next('SIGINT', 1_001), undefined)
  t.is(escalation.next('SIGTERM', 1_001), undefined)
})

test('SIGTERM that comes twice at once, as from timeout, only drains', async (t) => {
  const steps: Step[] = []
  const stopListening = onInterrupt((step) => steps.push(step))
  let received = 0
  const count = (): void => {
    received++
  }
  process.on('SIGTERM', count)
  // To itself a process sends signals synchronously, so these are never merged into one.
  process.kill(process.pid, 'SIGTERM')
  process.kill(process.pid, 'SIGTERM')
  await until(() => received === 2)
  process.off('SIGTERM', count)
  stopListening()
  t.deepEqual(steps, ['drain'])
})
