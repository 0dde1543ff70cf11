/** What a sender gives an item beside its value, and what its handler gets of that. */

import test, { type ExecutionContext } from 'ava'
import {
  Channel,
  type Context,
  handlerModule,
  ProducerConsumerSystem,
  type SourceError,
  type SystemOptions,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { Queue } from './helpers/foreign-channel.js'
import { Gate } from './helpers/gate.js'
import told, { type Told } from './modules/labels.js'

const MODULE = new URL('./modules/labels.js', import.meta.url)

type Options = Omit<SystemOptions<unknown, Told>, 'source' | 'results'>

/** The ways to handle an item one by one. */
const WAYS: Record<string, Options> = {
  'a function': { handler: told },
  'an asynchronous function': { handler: async (item, context) => told(item, context) },
  'a function that retries': { handler: told, retry: { attempts: 2 } },
  'a module': { handler: handlerModule<typeof import('./modules/labels.js')>(MODULE), consumers: 2 },
  'a function, with priorities': { handler: told, priorities: 2 },
}

function make(options: Options): ProducerConsumerSystem<unknown, Told> {
  return new ProducerConsumerSystem<unknown, Told>({ ...options, results: true } as SystemOptions<
    unknown,
    Told
  >)
}

/** All results of a system that is stopped, by their items. */
async function endOf(
  t: ExecutionContext,
  system: ProducerConsumerSystem<unknown, Told>,
): Promise<Map<unknown, Told>> {
  assertConservation(t, await system.stop())
  const results = new Map<unknown, Told>()
  for await (const result of system.results()) results.set(result.item, result)
  return results
}

for (const [way, options] of Object.entries(WAYS)) {
  test(`ids and headers reach ${way}`, async (t) => {
    const system = make(options)
    const headers = { 'content-type': 'text', '': '\ud800', ['__proto__']: 'x' }
    // Before the start, so that those with labels and those without travel together.
    await system.send('plain')
    await system.send('both', { id: 'mine', headers })
    await system.sendMany(['one', 'two'], { headers: { of: 'both' } })
    t.true(system.trySend('tried', { id: 'tried', headers: { a: 'b' } }))
    await system.send(1)
    const run = system.run('run', { id: 'of the run', timeout: 60_000 })
    const runHeaders = system.run('run, too', { headers: { run: 'yes' } })
    await system.start()
    const results = await endOf(t, system)
    results.set('run', await run).set('run, too', await runHeaders)
    t.is(results.size, 8)
    const of = (item: unknown): Told => results.get(item) as Told
    t.deepEqual(of('both'), { item: 'both', id: 'mine', attempt: 1, headers })
    t.is(Object.getPrototypeOf(of('both').headers), Object.prototype)
    for (const item of ['one', 'two']) t.deepEqual(of(item).headers, { of: 'both' })
    t.deepEqual(of('tried'), { item: 'tried', id: 'tried', attempt: 1, headers: { a: 'b' } })
    t.is(of('run').id, 'of the run')
    t.deepEqual(of('run, too').headers, { run: 'yes' })
    for (const item of ['plain', 1, 'run']) t.deepEqual(of(item).headers, {})
    const madeUp = ['plain', 'one', 'two', 1, 'run, too'].map((item) => of(item).id)
    t.is(new Set(madeUp).size, 5)
  })

  test(`thousands of items, with labels and without, each have their own with ${way}`, async (t) => {
    const system = make({ ...options, capacity: 64 })
    await system.start()
    const reading = (async () => {
      let count = 0
      for await (const { item, id, headers } of system.results()) {
        const labeled = (item as number) % 3 === 0
        if (labeled ? id !== `${item}` || headers.n !== `${item}` : Object.keys(headers).length > 0) {
          t.fail(`item ${item} came with id ${id} and headers ${JSON.stringify(headers)}`)
        }
        count++
      }
      return count
    })()
    for (let item = 0; item < 6000; item++) {
      await system.send(item, item % 3 === 0 ? { id: `${item}`, headers: { n: `${item}` } } : undefined)
    }
    assertConservation(t, await system.stop())
    t.is(await reading, 6000)
  })
}

const MANY_ATTEMPTS: Record<string, Options> = {
  'a function': { ...WAYS['a function that retries'] } as Options,
  'an asynchronous function': {
    handler: async (item, context) => told(item, context),
    retry: { attempts: 2 },
  },
  'a module': { ...WAYS['a module'], retry: { attempts: 2 } } as Options,
}

for (const [way, options] of Object.entries(MANY_ATTEMPTS)) {
  test(`a label stays the same through the attempts of ${way}`, async (t) => {
    const system = make(options)
    await system.start()
    const outcome = system.run('fails', { id: 'mine', headers: { of: 'mine' } })
    t.deepEqual(await outcome, { item: 'fails', id: 'mine', attempt: 2, headers: { of: 'mine' } })
    assertConservation(t, await system.stop())
  })
}

test('a label outlives the worker that dies', async (t) => {
  const system = make({ ...WAYS['a module'], retry: { attempts: 2 } } as Options)
  await system.start()
  const outcome = await system.run('kills', { id: 'mine', headers: { of: 'mine' } })
  t.deepEqual(outcome, { item: 'kills', id: 'mine', attempt: 2, headers: { of: 'mine' } })
  assertConservation(t, await system.stop())
})

test('what a handler sends has labels, too', async (t) => {
  const ids = new Set<string>()
  const system = new ProducerConsumerSystem<number>({
    handler: async (item, context) => {
      ids.add(`${context.id} ${context.headers.from}`)
      if (item < 2) await context.send(item + 1, { id: `after ${item}`, headers: { from: `${item}` } })
    },
  })
  await system.start()
  await system.send(0, { id: 'first', headers: { from: 'outside' } })
  await system.idle()
  t.deepEqual([...ids], ['first outside', 'after 0 0', 'after 1 1'])
  assertConservation(t, await system.stop())
})

test('a label goes with an item from a channel that is the source', async (t) => {
  const channel = new Channel<string>()
  await channel.send('labeled', { id: 'mine', headers: { of: 'mine' } })
  await channel.send('plain')
  channel.close()
  const seen: Pick<Context, 'id' | 'headers'>[] = []
  const system = new ProducerConsumerSystem<string>({
    source: channel,
    handler: (_, { id, headers }) => void seen.push({ id, headers }),
  })
  await system.start()
  assertConservation(t, await system.finished)
  t.deepEqual(seen[0], { id: 'mine', headers: { of: 'mine' } })
  t.deepEqual(seen[1]?.headers, {})
})

test('a label goes with an item through a channel that the system was given', async (t) => {
  const channel = new Channel<string>()
  const seen: Pick<Context, 'id' | 'headers'>[] = []
  const system = new ProducerConsumerSystem<string>({
    channel,
    handler: (_, { id, headers }) => void seen.push({ id, headers }),
  })
  await system.start()
  await channel.send('by the channel', { id: 'one', headers: { a: '1' } })
  await system.send('by the system', { id: 'two', headers: { a: '2' } })
  await system.idle()
  t.deepEqual(seen, [
    { id: 'one', headers: { a: '1' } },
    { id: 'two', headers: { a: '2' } },
  ])
  assertConservation(t, await system.stop())
})

test('id and headers of the leases of another channel go along', async (t) => {
  const queue = new Queue<string>(4)
  const lease = queue.lease.bind(queue)
  queue.lease = async (options) => ({ ...(await lease(options)), id: 'mine', headers: { of: 'mine' } })
  await queue.send('item')
  const seen: Pick<Context, 'id' | 'headers'>[] = []
  const handled = new Gate()
  const system = new ProducerConsumerSystem<string>({
    source: queue,
    handler: (_, { id, headers }) => {
      seen.push({ id, headers })
      handled.open()
    },
  })
  await system.start()
  await handled.opened
  t.deepEqual(seen, [{ id: 'mine', headers: { of: 'mine' } }])
  assertConservation(t, await system.stop())
})

test('what another channel gives as a lease is checked', async (t) => {
  const queue = new Queue<string>(4)
  const lease = queue.lease.bind(queue)
  queue.lease = async (options) => ({ ...(await lease(options)), headers: { tries: 3 } as never })
  await queue.send('item')
  const system = new ProducerConsumerSystem<string>({ source: queue, handler: () => {} })
  await system.start()
  const { cause, report } = (await t.throwsAsync(system.finished)) as SourceError
  t.regex((cause as Error).message, /^lease\.headers\.tries: expected a string, got 3/)
  t.deepEqual(queue.items, ['item'])
  assertConservation(t, report)
})

test('channels take labels by every send of one item', async (t) => {
  const channel = new Channel<string>()
  t.true(channel.trySend('tried', { id: 'one', headers: { a: '1' } }))
  await channel.send('sent', { id: 'two', headers: { a: '2' } })
  for (const [id, a] of [
    ['one', '1'],
    ['two', '2'],
  ]) {
    const lease = await channel.lease()
    t.deepEqual([lease.id, lease.headers], [id, { a }])
    lease.settle()
  }
})

test('options are read once', async (t) => {
  const reads: string[] = []
  const options = new Proxy(
    { id: 'mine', headers: { a: 'b' } },
    {
      get(target, name) {
        reads.push(String(name))
        return Reflect.get(target, name)
      },
    },
  )
  const seen: string[] = []
  const system = new ProducerConsumerSystem<number>({
    handler: async (item, context) => {
      seen.push(context.id)
      if (item === 0) await context.send(1, options)
    },
  })
  await system.start()
  await system.send(0, { id: 'first' })
  await system.idle()
  t.deepEqual(
    reads.filter((name) => name === 'id' || name === 'headers'),
    ['id', 'headers'],
  )
  t.deepEqual(seen, ['first', 'mine'])
  assertConservation(t, await system.stop())
})

test('a batch has no headers, and its items are handled all the same', async (t) => {
  const seen: unknown[] = []
  const system = new ProducerConsumerSystem<number>({
    batch: { size: 2, within: 1000 },
    handler: (items, { headers }) => {
      seen.push(items, headers)
      return []
    },
  })
  await system.send(1, { id: 'one', headers: { a: 'b' } })
  await system.send(2)
  await system.start()
  assertConservation(t, await system.stop())
  t.deepEqual(seen, [[1, 2], {}])
})

test('what is no id and no headers is refused', async (t) => {
  const system = new ProducerConsumerSystem({ handler: () => {} })
  const invalid = { code: 'ERR_MILLRACE_INVALID_OPTION' }
  const channel = new Channel()
  const ids = ['', 5, 'half a \ud800'].map((id) => ({ id }))
  // What has its entries elsewhere than in properties would lose them.
  const others = [
    new Map([['a', 'b']]),
    new Headers({ a: 'b' }),
    new URLSearchParams('a=b'),
    new String('ab'),
    new Date(),
  ]
  const headers = [null, [], 'a', { a: 1 }, ...others].map((headers) => ({ headers }))
  for (const option of [...ids, ...headers]) {
    await t.throwsAsync(system.send(1, option as object), invalid)
    await t.throwsAsync(system.run(1, option as object), invalid)
    t.throws(() => system.trySend(1, option as object), invalid)
    await t.throwsAsync(channel.send(1, option as object), invalid)
    t.throws(() => channel.trySend(1, option as object), invalid)
  }
  for (const items of [[1, 2], [1], []]) {
    await t.throwsAsync(system.sendMany(items, { id: 'one for all' }), invalid)
  }
  t.is(channel.length, 0)
  t.is(system.stats().produced, 0)
  await system.stop()
})
