import test from 'ava'
import { ClosedError, ProducerConsumerSystem, type SendOptions } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, turns } from './helpers/gate.js'
import { assertSaid, runProgram } from './helpers/program.js'

/** A system that is full: it has not started, and holds `capacity` zeros. */
async function fullSystem(capacity = 2): Promise<ProducerConsumerSystem<number, number>> {
  const system = new ProducerConsumerSystem({ capacity, handler: (item: number) => item })
  await system.sendMany(new Array(capacity).fill(0))
  return system
}

test('trySend is false exactly at capacity', async (t) => {
  const gate = new Gate()
  const system = new ProducerConsumerSystem({ capacity: 3, consumers: 1, handler: () => gate.opened })
  for (const room of [true, true, true, false, false]) t.is(system.trySend(1), room)
  t.is(system.stats().queued, 3)
  await system.start()
  // The first item is handed over, and so out of the channel.
  t.deepEqual([system.trySend(1), system.trySend(1)], [true, false])
  gate.open()
  await system.idle()
  t.is(system.stats().peakQueued, 3)
  assertConservation(t, await system.stop())
})

test('inside a handler, the item in hand no longer takes room', async (t) => {
  const seen: boolean[] = []
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 1,
    handler: (item: number) => {
      if (item === 0) seen.push(system.trySend(1), system.trySend(2))
    },
  })
  await system.start()
  await system.send(0)
  await system.idle()
  t.deepEqual(seen, [true, false])
  assertConservation(t, await system.stop())
})

test('a send that waits completes when there is room, and in order', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    capacity: 2,
    handler: (item: number) => void handled.push(item),
  })
  const sent: number[] = []
  const sends = [1, 2, 3, 4, 5].map((item) => system.send(item).then(() => sent.push(item)))
  await turns(3)
  t.deepEqual(sent, [1, 2])
  t.is(system.stats().waitingSends, 3)
  await system.start()
  await Promise.all(sends)
  await system.idle()
  t.deepEqual(sent, [1, 2, 3, 4, 5])
  t.deepEqual(handled, [1, 2, 3, 4, 5])
  assertConservation(t, await system.stop())
})

test('trySend fails while an earlier send waits, even where there is room', async (t) => {
  const system = await fullSystem()
  const waiting = system.send(1)
  t.false(system.trySend(2))
  await system.start()
  await waiting
  assertConservation(t, await system.stop())
})

test('items of one environment are handled in the order of the calls', async (t) => {
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    capacity: 7,
    handler: (item: number) => void handled.push(item),
  })
  await system.start()
  const sends: Promise<void>[] = []
  for (let next = 0; next < 5000; ) {
    if (next % 3 === 0) sends.push(system.send(next++))
    else if (next % 3 === 1) sends.push(system.sendMany([next++, next++, next++, next++]))
    else if (system.trySend(next)) next++
    // The last send may be through, and the channel full: only a turn of the event loop makes room then.
    else await Promise.all([sends.at(-1), turns()])
  }
  await Promise.all(sends)
  const report = await system.stop()
  t.deepEqual(
    handled,
    handled.map((_, index) => index),
  )
  t.is(handled.length, report.produced)
  assertConservation(t, report)
})

test('sendMany takes more than the channel holds', async (t) => {
  const handled: string[] = []
  const system = new ProducerConsumerSystem({
    capacity: 10,
    handler: (item: string) => void handled.push(item),
  })
  const items = Array.from({ length: 1000 }, (_, index) => `item ${index}`)
  await system.start()
  await system.sendMany(items)
  const report = await system.stop()
  t.deepEqual(handled, items)
  t.is(report.peakQueued, 10)
  assertConservation(t, report)
})

test('sendMany of nothing is done at once', async (t) => {
  const system = await fullSystem()
  await t.notThrowsAsync(system.sendMany([]))
  assertConservation(t, await system.stop())
})

test('what travels is the value at the moment of the call', async (t) => {
  const handled: unknown[] = []
  const system = new ProducerConsumerSystem({
    capacity: 1,
    handler: (item: { n: number }) => void handled.push(item),
  })
  const item = { n: 1 }
  const sends = [system.send(item)]
  item.n = 2
  sends.push(system.send(item))
  item.n = 3
  const many = [item, item]
  sends.push(system.sendMany(many))
  item.n = 4
  many.length = 0
  await system.start()
  await Promise.all(sends)
  await system.stop()
  t.deepEqual(handled, [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 3 }])
})

type Send = (system: ProducerConsumerSystem<number, number>, options: SendOptions) => Promise<unknown>

const SENDS: Record<string, Send> = {
  send: (system, options) => system.send(1, options),
  sendMany: (system, options) => system.sendMany([1, 2], options),
  run: (system, options) => system.run(1, options),
}

for (const [name, send] of Object.entries(SENDS)) {
  test(`${name} with a signal that has aborted rejects at once, and nothing enters`, async (t) => {
    const system = new ProducerConsumerSystem({ handler: (item: number) => item })
    const reason = new Error('too late')
    const error = await t.throwsAsync(send(system, { signal: AbortSignal.abort(reason) }))
    t.is(error, reason)
    t.is(system.stats().produced, 0)
    assertConservation(t, await system.stop())
  })

  test(`${name} that waits ends with its signal's reason, and its item is out of the channel`, async (t) => {
    const system = await fullSystem()
    const controller = new AbortController()
    const waiting = send(system, { signal: controller.signal })
    await turns()
    t.true(system.stats().waitingSends > 0)
    const reason = new Error('changed my mind')
    controller.abort(reason)
    t.is(await t.throwsAsync(waiting), reason)
    t.is(system.stats().waitingSends, 0)
    const report = await system.stop()
    t.deepEqual(report.unprocessed, [0, 0])
    assertConservation(t, report)
  })

  test(`${name} that waits ends with its time-out`, async (t) => {
    const system = await fullSystem()
    await t.throwsAsync(send(system, { timeout: 5 }), {
      name: 'TimeoutError',
      code: 'ERR_MILLRACE_TIMEOUT',
      message: `${name}(): expected to be done within 5 ms`,
    })
    const report = await system.stop()
    t.deepEqual(report.unprocessed, [0, 0])
    assertConservation(t, report)
  })

  test(`${name} leaves no listener on its signal`, async (t) => {
    const system = new ProducerConsumerSystem({ capacity: 1, handler: (item: number) => item })
    const { signal } = new AbortController()
    const counts = { added: 0, removed: 0 }
    const { addEventListener, removeEventListener } = signal
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof addEventListener>) => {
        counts.added++
        addEventListener.apply(signal, args)
      },
      removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
        counts.removed++
        removeEventListener.apply(signal, args)
      },
    })
    await system.send(0)
    const waiting = send(system, { signal, timeout: 60_000 })
    await system.start()
    await waiting
    t.is(counts.added, 1)
    t.is(counts.removed, 1)
    assertConservation(t, await system.stop())
  })

  test(`${name} after a stop rejects with ClosedError`, async (t) => {
    const system = new ProducerConsumerSystem({ handler: (item: number) => item })
    await system.start()
    const stopped = system.stop()
    await t.throwsAsync(send(system, {}), { instanceOf: ClosedError, code: 'ERR_MILLRACE_CLOSED' })
    await stopped
    await t.throwsAsync(send(system, {}), { name: 'ClosedError', code: 'ERR_MILLRACE_CLOSED' })
  })

  test(`${name} after an abort rejects with AbortedError, whose cause is the reason`, async (t) => {
    const system = new ProducerConsumerSystem({ handler: (item: number) => item })
    await system.start()
    const reason = new Error('power cut')
    const aborted = system.abort(reason)
    for (let time = 0; time < 2; time++) {
      const error = await t.throwsAsync(send(system, {}), {
        name: 'AbortedError',
        code: 'ERR_MILLRACE_ABORTED',
      })
      t.is(error?.cause, reason)
      await aborted
    }
  })

  test(`${name} refuses options that it does not have`, async (t) => {
    const system = new ProducerConsumerSystem({ handler: (item: number) => item })
    for (const options of [
      { timeOut: 5 },
      { timeout: -1 },
      { timeout: Number.NaN },
      { signal: {} },
      5,
      null,
    ]) {
      await t.throwsAsync(send(system, options as SendOptions), { code: 'ERR_MILLRACE_INVALID_OPTION' })
    }
    t.is(system.stats().produced, 0)
    await system.stop()
  })
}

test('sends that wait when the system is stopped still complete', async (t) => {
  const handled: number[] = []
  const gate = new Gate()
  const system = new ProducerConsumerSystem({
    capacity: 1,
    consumers: 1,
    handler: async (item: number) => {
      await gate.opened
      handled.push(item)
    },
  })
  await system.start()
  const sends = [1, 2, 3, 4].map((item) => system.send(item))
  await turns()
  const stopped = system.stop()
  gate.open()
  await Promise.all(sends)
  assertConservation(t, await stopped)
  t.deepEqual(handled, [1, 2, 3, 4])
})

test('sends that wait when the system is aborted reject', async (t) => {
  const system = await fullSystem()
  const waiting = Promise.allSettled([system.send(1), system.sendMany([2, 3]), system.run(4)])
  await turns()
  const report = await system.abort('enough')
  t.deepEqual(
    (await waiting).map((outcome) => outcome.status === 'rejected' && outcome.reason.code),
    ['ERR_MILLRACE_ABORTED', 'ERR_MILLRACE_ABORTED', 'ERR_MILLRACE_ABORTED'],
  )
  t.deepEqual(report.unprocessed, [0, 0])
  assertConservation(t, report)
})

test('trySend throws after a stop and after an abort', async (t) => {
  const stopped = new ProducerConsumerSystem({ handler: (item: number) => item })
  await stopped.stop()
  t.throws(() => stopped.trySend(1), { name: 'ClosedError', code: 'ERR_MILLRACE_CLOSED' })
  const aborted = new ProducerConsumerSystem({ handler: (item: number) => item })
  await aborted.abort()
  t.throws(() => aborted.trySend(1), { name: 'AbortedError', code: 'ERR_MILLRACE_ABORTED' })
})

test('a sendMany that is broken off says how many items were sent', async (t) => {
  const controller = new AbortController()
  const system = new ProducerConsumerSystem({ capacity: 3, handler: (item: number) => item })
  const waiting = system.sendMany([1, 2, 3, 4, 5], { signal: controller.signal })
  controller.abort()
  const error = await t.throwsAsync(waiting, { any: true })
  t.is(error, controller.signal.reason)
  t.like(error, { accepted: 3 })
  const late = await t.throwsAsync<Error & { accepted?: number }>(system.sendMany([6, 7], { timeout: 1 }))
  t.is(late?.accepted, 0)
  const report = await system.stop()
  t.deepEqual(report.unprocessed, [1, 2, 3])
  assertConservation(t, report)
})

test('several calls that one signal breaks off each have a count of their own', async (t) => {
  const controller = new AbortController()
  const system = new ProducerConsumerSystem({ capacity: 1, handler: (item: number) => item })
  const outcomes = Promise.allSettled([
    system.sendMany([1, 2], { signal: controller.signal }),
    system.sendMany([3, 4], { signal: controller.signal }),
  ])
  controller.abort('a reason that is no object')
  t.deepEqual(
    (await outcomes).map((outcome) => outcome.status === 'rejected' && outcome.reason.accepted),
    [1, 0],
  )
  assertConservation(t, await system.stop())
})

test('a time-out of 0 sends only what needs no wait', async (t) => {
  const system = new ProducerConsumerSystem({ capacity: 1, handler: (item: number) => item })
  await system.send(1, { timeout: 0 })
  await t.throwsAsync(system.send(2, { timeout: 0 }), { code: 'ERR_MILLRACE_TIMEOUT' })
  t.is(system.stats().waitingSends, 0)
  assertConservation(t, await system.stop())
})

test('at most maxWaiting sends wait', async (t) => {
  const system = new ProducerConsumerSystem({ capacity: 1, maxWaiting: 1, handler: (item: number) => item })
  await system.send(1)
  const waiting = system.send(2)
  for (const refused of [() => system.send(3), () => system.sendMany([3]), () => system.run(3)]) {
    await t.throwsAsync(refused(), { name: 'FullError', code: 'ERR_MILLRACE_FULL' })
  }
  await system.start()
  await waiting
  const report = await system.stop()
  t.is(report.processed, 2)
  assertConservation(t, report)
})

test('a stop before the start refuses sends that wait as any other stop does', async (t) => {
  const system = new ProducerConsumerSystem<number, number>({ capacity: 1, handler: (item) => item })
  await system.send(1)
  const waiting = [system.send(2), system.sendMany([3, 4]), system.run(5)]
  const report = await system.stop()
  for (const wait of waiting) await t.throwsAsync(wait, { instanceOf: ClosedError })
  await t.throwsAsync(system.send(6), { instanceOf: ClosedError })
  t.deepEqual(report.unprocessed, [1])
  assertConservation(t, report)
})

test('a crowd of waiting sends gets one process warning', async (t) => {
  const ended = await runProgram(
    t,
    `const warnings = []
    process.on('warning', (warning) => warnings.push(warning.code + ' ' + warning.message))
    const system = new ProducerConsumerSystem({ capacity: 1, handler: () => {} })
    for (let n = 0; n < 50; n++) system.send(n)
    await system.start()
    await system.stop()
    console.log(warnings.join())`,
  )
  const message =
    'more than 10 sends wait for room in a channel of 1 items: await each send, or set maxWaiting'
  t.is(ended.stdout, `MILLRACE_WAITING_SENDS ${message}\n`)
})

test('who has set maxWaiting is warned of no crowd', async (t) => {
  const ended = await runProgram(
    t,
    `const warnings = []
    process.on('warning', (warning) => warnings.push(warning.code))
    const system = new ProducerConsumerSystem({ capacity: 1, maxWaiting: 1000, handler: () => {} })
    const { Channel } = await import(library)
    const channel = new Channel({ capacity: 1, maxWaiting: 1000 })
    for (let n = 0; n < 50; n++) {
      system.send(n)
      channel.send(n)
    }
    await system.start()
    await system.stop()
    for (let n = 0; n < 50; n++) await channel.receive()
    console.log(warnings.length)`,
  )
  t.is(ended.stdout, '0\n')
})

test('run resolves with the result of its own item, whatever the order', async (t) => {
  const gates = new Map([1, 2, 3].map((item) => [item, new Gate()]))
  const system = new ProducerConsumerSystem({
    handler: async (item: number) => {
      await gates.get(item)?.opened
      return item * 10
    },
  })
  await system.start()
  const runs = [1, 2, 3].map((item) => system.run(item))
  for (const item of [3, 1, 2]) gates.get(item)?.open()
  t.deepEqual(await Promise.all(runs), [10, 20, 30])
  assertConservation(t, await system.stop())
})

test('run rejects with the error of its item, which is a dead letter too', async (t) => {
  const failure = new Error('no such thing')
  const letters: unknown[] = []
  const system = new ProducerConsumerSystem({
    handler: (item: number) => {
      if (item < 0) throw failure
      return item
    },
  })
  system.on('deadLetter', (letter) => letters.push(letter.error))
  await system.start()
  t.is(await t.throwsAsync(system.run(-1)), failure)
  t.is(await system.run(1), 1)
  t.deepEqual(letters, [failure])
  const report = await system.stop()
  t.is(report.deadLettered, 1)
  assertConservation(t, report)
})

test('a run that gave up leaves its item to be handled', async (t) => {
  const gate = new Gate()
  const handled: number[] = []
  const system = new ProducerConsumerSystem({
    handler: async (item: number) => {
      await gate.opened
      handled.push(item)
    },
  })
  await system.start()
  await t.throwsAsync(system.run(1, { timeout: 1 }), { code: 'ERR_MILLRACE_TIMEOUT' })
  gate.open()
  const report = await system.stop()
  t.deepEqual(handled, [1])
  assertConservation(t, report)
})

test('a loop of sends that never wait lets timers fire', async (t) => {
  assertSaid(
    t,
    await runProgram(
      t,
      `const system = new ProducerConsumerSystem({ consumers: 1, handler: noop() })
      await system.start()
      let fired = 0
      const timer = setInterval(() => { if (++fired === 10) process.exit(console.log('fired')) }, 5)
      for (;;) await system.send(1)`,
    ),
    'fired',
  )
})
