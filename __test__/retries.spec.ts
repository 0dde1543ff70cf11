/** Items whose attempts fail: tried again, given up, and what is told of them. */

import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import {
  type DeadLetter,
  HandlerError,
  HandlerTimeoutError,
  handlerModule,
  InvalidOptionError,
  noop,
  ProducerConsumerSystem,
  RetryIfError,
  type RetryOptions,
  type SystemStats,
  UnrecoverableError,
  WorkerDiedError,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Gate, until } from './helpers/gate.js'
import { Random } from './helpers/random.js'

const FAILING = new URL('./modules/failing.js', import.meta.url)
const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

/** The kinds of handlers that fail the first `n % 5` attempts at item `n`. */
const KINDS = {
  'a function': () => {
    const tries = new Map<number, number>()
    return (n: number, { attempt }: { attempt: number }): number => {
      tries.set(n, (tries.get(n) ?? 0) + 1)
      if (attempt !== tries.get(n)) throw new UnrecoverableError(`attempt ${attempt} of ${tries.get(n)}`)
      if (attempt <= n % 5) throw new Error(`no. ${n}`)
      return n
    }
  },
  'an asynchronous function':
    () =>
    async (n: number, { attempt }: { attempt: number }) => {
      await null
      if (attempt <= n % 5) throw new Error(`no. ${n}`)
      return n
    },
  'a module': () => handlerModule<{ failing(n: number): number }, 'failing'>(FAILING, { export: 'failing' }),
}

for (const [kind, make] of Object.entries(KINDS)) {
  test(`every item is tried until it succeeds or its attempts are used up: ${kind}`, async (t) => {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 2,
      capacity: 20,
      handler: make() as (n: number) => number,
      retry: { attempts: 3 },
      results: true,
    })
    const letters: DeadLetter<number>[] = []
    system.on('deadLetter', (letter) => letters.push(letter))
    await system.start()
    const results: number[] = []
    const reading = (async () => {
      for await (const result of system.results()) results.push(result)
    })()
    await system.sendMany(range(500))
    const report = await system.stop()
    await reading
    assertConservation(t, report)
    const failed = range(500).filter((n) => n % 5 >= 3)
    t.deepEqual(
      results.toSorted((one, other) => one - other),
      range(500).filter((n) => n % 5 < 3),
    )
    t.deepEqual(
      letters.map(({ item }) => item).toSorted((one, other) => one - other),
      failed,
    )
    t.true(
      letters.every(
        ({ attempts, reason, error }) => attempts === 3 && reason === 'failed' && error instanceof Error,
      ),
    )
    t.is(
      report.failedAttempts,
      range(500).reduce((sum, n) => sum + Math.min(n % 5, 3), 0),
    )
  })
}

test('run() gets the result of the attempt that succeeds, or the error of the last', async (t) => {
  for (const make of Object.values(KINDS)) {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 2,
      handler: make() as (n: number) => number,
      retry: { attempts: 3 },
    })
    await system.start()
    t.is(await system.run(2), 2)
    await t.throwsAsync(system.run(4), { message: 'no. 4' })
    assertConservation(t, await system.stop())
  }
})

test('an item waits for its next attempt without a consumer, and a stop waits for it', async (t) => {
  const seen: [item: string, attempt: number, at: number][] = []
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: (item: string, { attempt }) => {
      seen.push([item, attempt, performance.now()])
      if (item === 'fails' && attempt === 1) throw new Error('first')
    },
    // Long enough for the others, on a busy machine too.
    retry: { attempts: 2, backoff: { delay: 600 } },
  })
  let retrying: SystemStats | undefined
  system.once('retry', () => {
    retrying = system.stats()
  })
  await system.start()
  await system.sendMany(['fails', 'one', 'two'])
  assertConservation(t, await system.stop())
  t.is(retrying?.retrying, 1)
  assertConservation(t, retrying as SystemStats)
  t.deepEqual(
    seen.map(([item, attempt]) => `${item} ${attempt}`),
    ['fails 1', 'one 1', 'two 1', 'fails 2'],
  )
  t.true((seen[3]?.[2] ?? 0) - (seen[0]?.[2] ?? 0) >= 599)
})

test('retryIf is not asked after the last attempt, and has to say yes or no', async (t) => {
  const asked: number[] = []
  const system = new ProducerConsumerSystem({
    consumers: 1,
    handler: (n: number) => {
      throw new Error(`no. ${n}`)
    },
    retry: {
      attempts: 3,
      retryIf: (error, attempt): boolean => {
        asked.push(attempt)
        return (
          (error as Error).message === 'no. 1' || (Promise.reject(new Error('later')) as unknown as boolean)
        )
      },
    },
  })
  await system.start()
  await t.throwsAsync(system.run(1), { message: 'no. 1' })
  t.deepEqual(asked, [1, 2])
  await t.throwsAsync(system.run(2), { code: 'ERR_MILLRACE_RETRY_IF' })
  t.like(await system.stop(), { failedAttempts: 4, deadLettered: 2 })
  t.throws(() => system.deadLetters.discard(5 as never), { code: 'ERR_MILLRACE_INVALID_OPTION' })
  await t.throwsAsync(system.deadLetters.redrive(5 as never), { code: 'ERR_MILLRACE_INVALID_OPTION' })
})

test('UnrecoverableError and retryIf end the attempts', async (t) => {
  const asked: [unknown, number][] = []
  const system = new ProducerConsumerSystem({
    handler: (item: string, { attempt }) => {
      if (item === 'unrecoverable') throw new UnrecoverableError('in vain')
      throw new Error(`${item} ${attempt}`)
    },
    retry: {
      attempts: 5,
      retryIf: (error, attempt) => {
        asked.push([(error as Error).message, attempt])
        if ((error as Error).message.startsWith('odd')) throw new TypeError('retryIf itself')
        return attempt < 2
      },
    },
  })
  await system.start()
  await system.sendMany(['unrecoverable', 'plain', 'odd'])
  assertConservation(t, await system.stop())
  const letters = new Map([...system.deadLetters].map((letter) => [letter.item, letter]))
  t.deepEqual([...letters].map(([item, { attempts }]) => [item, attempts]).toSorted(), [
    ['odd', 1],
    ['plain', 2],
    ['unrecoverable', 1],
  ])
  const error = letters.get('odd')?.error as RetryIfError
  t.true(error instanceof RetryIfError && error.cause instanceof TypeError)
  t.is((error.error as Error).message, 'odd 1')
  t.deepEqual(asked.toSorted(), [
    ['odd 1', 1],
    ['plain 1', 1],
    ['plain 2', 2],
  ])
})

test('a module exports its own retryIf', async (t) => {
  const handler = handlerModule<{ picky(item: string): void }, 'picky'>(
    new URL('./modules/picky.js', import.meta.url),
    { export: 'picky' },
  )
  const system = new ProducerConsumerSystem({ consumers: 1, handler, retry: { attempts: 4 } })
  await system.start()
  await system.sendMany(['once', 'always', 'unrecoverable'])
  assertConservation(t, await system.stop())
  t.deepEqual([...system.deadLetters].map(({ item, attempts }) => [item, attempts]).toSorted(), [
    ['always', 4],
    ['once', 1],
    ['unrecoverable', 1],
  ])
})

test('a stop past its time-out gives up what waits for another attempt', async (t) => {
  for (const make of Object.values(KINDS)) {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 2,
      handler: make() as (n: number) => number,
      retry: { attempts: 5, backoff: { delay: 3_600_000 } },
    })
    await system.start()
    await system.sendMany([4, 9, 14])
    await until(() => system.stats().retrying === 3)
    const report = await system.stop({ timeout: 10 })
    assertConservation(t, report)
    t.is(report.deadLettered, 3)
    t.deepEqual(
      [...system.deadLetters].map(({ attempts, reason }) => [attempts, reason]),
      range(3).map(() => [1, 'timeout']),
    )
  }
})

test('an abort gives up what is in hand for good, and lets in nothing that waits', async (t) => {
  for (const attempts of [1, 2]) {
    // What was wrong here was a race, won four times of five.
    for (let round = 0; round < 10; round++) {
      const seen: number[] = []
      const system = new ProducerConsumerSystem({
        consumers: 1,
        capacity: 2,
        handler: (n: number) => {
          seen.push(n)
          return new Promise(() => {})
        },
        retry: { attempts },
      })
      await system.start()
      await system.sendMany([1, 2, 3])
      await until(() => seen.length === 1)
      const waiting = system.send(4)
      const report = await system.abort()
      await t.throwsAsync(waiting, { code: 'ERR_MILLRACE_ABORTED' })
      assertConservation(t, report)
      t.deepEqual([report.produced, report.deadLettered, report.discarded], [3, 1, 2])
      t.deepEqual(report.unprocessed.toSorted(), [2, 3])
      t.deepEqual(
        [...system.deadLetters].map(({ item, attempts, reason }) => [item, attempts, reason]),
        [[1, 1, 'aborted']],
      )
    }
  }
})

test('handlerTimeout aborts the signal, and the attempt fails once the handler has ended', async (t) => {
  const gate = new Gate()
  const executions: string[] = []
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handlerTimeout: 30,
    retry: { attempts: 2 },
    handler: async (_item: string, { attempt, signal }) => {
      executions.push(`begin ${attempt}`)
      if (attempt === 1) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        executions.push(`aborted with ${signal.reason.name}`)
        await gate.opened
      }
      executions.push(`end ${attempt}`)
      return attempt
    },
  })
  await system.start()
  const result = system.run('slow')
  await until(() => executions.length === 2)
  await sleep(20)
  t.deepEqual(executions, ['begin 1', 'aborted with HandlerTimeoutError'])
  gate.open()
  t.is(await result, 2)
  t.deepEqual(executions.slice(2), ['end 1', 'begin 2', 'end 2'])
  const report = await system.stop()
  assertConservation(t, report)
  t.is(report.failedAttempts, 1)
})

test('with a handlerTimeout, too, an abort of the system aborts the signals of all attempts', async (t) => {
  const began = new Gate()
  const reasons: unknown[] = []
  const system = new ProducerConsumerSystem<number>({
    consumers: 2,
    handlerTimeout: 60_000,
    handler: async (item, { signal }) => {
      if (item === 1) began.open()
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          resolve()
        })
      })
    },
  })
  await system.start()
  await system.sendMany([0, 1])
  await began.opened
  const report = await system.abort('enough')
  t.is(report.state, 'aborted')
  t.deepEqual(
    reasons.map((reason) => (reason as Error & { code: string }).code),
    Array(2).fill('ERR_MILLRACE_ABORTED'),
  )
})

test('handlerTimeout in a worker: what listens fails, what does not end is terminated and gains a death', async (t) => {
  t.timeout(30_000)
  const handler = handlerModule<{ slow(item: string): Promise<number> }, 'slow'>(FAILING, { export: 'slow' })
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handlerTimeout: 50,
    retry: { attempts: 2 },
    handler,
  })
  const exits: unknown[] = []
  system.on('workerExit', ({ error }) => exits.push(error))
  await system.start()
  t.is(await system.run('listens'), 2)
  const error = await t.throwsAsync(system.run('never ends'))
  t.true(error instanceof WorkerDiedError)
  await until(() => exits.length === 2)
  t.true(exits.every((exit) => exit instanceof HandlerTimeoutError))
  assertConservation(t, await system.stop())
})

test('failed attempts, retries and dead letters are events, of every kind of handler', async (t) => {
  for (const [kind, make] of Object.entries(KINDS)) {
    const system = new ProducerConsumerSystem<number, number>({
      consumers: 1,
      handler: make() as (n: number) => number,
      retry: { attempts: 2, backoff: { delay: 1 } },
    })
    const told: unknown[] = []
    system.on('attemptFailed', ({ item, error, attempt, delay }) =>
      told.push(['failed', item, (error as Error).message, attempt, delay]),
    )
    system.on('retry', ({ item, attempt }) => told.push(['retry', item, attempt]))
    system.on('deadLetter', ({ item, attempts }) => told.push(['dead', item, attempts]))
    await system.start()
    await system.send(3)
    await system.stop()
    t.deepEqual(
      told,
      [
        ['failed', 3, 'no. 3', 1, 1],
        ['retry', 3, 1],
        ['failed', 3, 'no. 3', 2, undefined],
        ['dead', 3, 2],
      ],
      kind,
    )
  }
})

test('random programs of failures conserve every item', async (t) => {
  t.timeout(120_000)
  const random = new Random(t)
  for (let round = 0; round < 60; round++) {
    const attempts = 1 + random.below(4)
    const system = new ProducerConsumerSystem({
      consumers: 1 + random.below(4),
      capacity: 1 + random.below(20),
      handler: (n: number) => {
        const what = random.below(4)
        if (what === 0) throw new Error(`${n}`)
        if (what === 1) throw new UnrecoverableError(`${n}`)
        return what === 2 ? Promise.resolve(n) : n
      },
      retry: { attempts, backoff: { type: 'exponential', delay: random.below(3), jitter: 1 } },
      results: true,
    })
    const results: number[] = []
    const reading = (async () => {
      for await (const n of system.results()) results.push(n)
    })().catch(() => {})
    await system.start()
    const sending = system.sendMany(range(100)).catch(() => {})
    if (random.below(3) === 0) {
      await sleep(random.below(3))
      await system.abort()
      await sending
      assertConservation(t, await system.finished)
      continue
    }
    await sending
    const report = await system.stop()
    await reading
    assertConservation(t, report)
    const settled = [...results, ...[...system.deadLetters].map(({ item }) => item)]
    t.deepEqual(
      settled.toSorted((one, other) => one - other),
      range(100),
    )
  }
})

const BAD: [options: RetryOptions | object, option: string][] = [
  [{ attempts: 0 }, 'retry.attempts'],
  [{ attempts: 1.5 }, 'retry.attempts'],
  [{ deaths: -1 }, 'retry.deaths'],
  [{ backoff: { delay: -1 } }, 'retry.backoff.delay'],
  [{ backoff: { delay: 1, type: 'linear' } }, 'retry.backoff.type'],
  [{ backoff: { delay: 1, max: Number.NaN } }, 'retry.backoff.max'],
  [{ backoff: { delay: 1, jitter: 1.1 } }, 'retry.backoff.jitter'],
  [{ backoff: {} }, 'retry.backoff.delay'],
  [{ retryIf: true }, 'retry.retryIf'],
  [{ tries: 3 }, 'retry.tries'],
]

test('options that cannot be used are named', (t) => {
  for (const [retry, option] of BAD) {
    const error = t.throws(
      () => new ProducerConsumerSystem({ handler: () => {}, retry: retry as RetryOptions }),
    )
    t.true(error instanceof InvalidOptionError && error.option === option, `${error?.message}`)
  }
  for (const handlerTimeout of [0, -1, Number.NaN, 2 ** 31])
    t.throws(() => new ProducerConsumerSystem({ handler: () => {}, handlerTimeout }), {
      message: /^handlerTimeout: /,
    })
  for (const handler of [noop(), FAILING]) {
    const retry = { attempts: 2, retryIf: () => true }
    t.throws(() => new ProducerConsumerSystem({ handler, retry } as never), { message: /^retry\.retryIf: / })
  }
})

test('native handlers are retried, and their errors told', async (t) => {
  const { hashFile } = await import('../src/index.js')
  const system = new ProducerConsumerSystem({ handler: hashFile('sha256'), retry: { attempts: 3 } })
  const attempts: number[] = []
  system.on('attemptFailed', ({ item, error, attempt }) => {
    t.is(item, '/nowhere')
    t.true(error instanceof HandlerError)
    attempts.push(attempt)
  })
  await system.start()
  await t.throwsAsync(system.run('/nowhere' as never), { code: 'ENOENT' })
  assertConservation(t, await system.stop())
  t.deepEqual(attempts, [1, 2, 3])
})

test('a delay is checked where there is to be none, too', (t) => {
  for (const delay of ['abc', -5, Number.NaN]) {
    const backoff = { max: 0, delay: delay as number }
    t.throws(() => new ProducerConsumerSystem({ handler: () => {}, retry: { attempts: 2, backoff } }), {
      code: 'ERR_MILLRACE_INVALID_OPTION',
      message: /retry\.backoff\.delay/,
    })
  }
})
