/**
 * What nobody holds any more is collected, and its native part with it. In turn: native handles are counted for the whole
 * process.
 */

import test from 'ava'
import { Channel, type ChannelToken, ProducerConsumerSystem, select } from '../src/index.js'
import { assertHandles, collectUntil, Expendable, liveHandles } from './helpers/collect.js'
import { turns } from './helpers/gate.js'
import { Thread } from './helpers/worker.js'

const PLAIN = new URL('./modules/plain.js', import.meta.url)

// The first of each opens this environment, and the memory that all share.
test.before(async () => {
  new Channel()[Symbol.dispose]()
  await using system = new ProducerConsumerSystem({ handler: () => {} })
  await system.start()
})

/** What is done with a channel before its handle is forgotten. Nothing that is returned keeps it. */
const uses: Record<string, (channel: Channel, expendable: Expendable) => unknown> = {
  'was only made': () => {},
  'has items': (channel) => channel.sendMany([1, 'text', { an: 'object' }, new Uint8Array(100_000)]),
  'has items that are staged': (channel) => void channel.send({ staged: true }),
  'was received from': async (channel) => {
    await channel.send({ n: 1 })
    await channel.receive()
  },
  'gave its items to a loop that was left': async (channel) => {
    await channel.sendMany(Array.from({ length: 50 }, (_, n) => n))
    for await (const item of channel) if (item === 7) break
  },
  'has a loop that stands still': async (channel, expendable) => {
    await channel.sendMany([1, 2, 3])
    await expendable.add('the loop', channel[Symbol.asyncIterator]()).next()
  },
  'has a lease that is not settled': async (channel, expendable) => {
    await channel.send({ n: 1 })
    const lease = expendable.add('the lease', await channel.lease())
    expendable.add('its item', lease.item as object)
  },
  'has a lease that is settled': async (channel, expendable) => {
    await channel.send({ n: 1 })
    expendable.add('the lease', await channel.lease()).settle()
  },
  'was waited for in vain': (channel) => channel.receive({ timeout: 1 }).catch(() => {}),
  'lost a select': async (channel, expendable) => {
    using other = new Channel<number>()
    const selected = select([
      expendable.add('the case', channel.receiving()),
      expendable.add('the other case', other.receiving()),
    ])
    await other.send(1)
    await selected
  },
  'was closed': (channel) => channel.close(),
  'was aborted': (channel, expendable) => {
    channel.abort(expendable.add('the reason', new Error('over')))
  },
  'has keys and lanes': (channel) => channel.send(1, { key: 'a', priority: 1, headers: { a: 'b' } }),
  'has a second handle': (channel, expendable) => {
    expendable.add('the second', Channel.attach(channel.token))
    channel.abort()
  },
}

for (const [what, use] of Object.entries(uses)) {
  test.serial(`a channel that ${what} is collected with its native part`, async (t) => {
    const before = liveHandles()
    const expendable = new Expendable()
    const make = async (): Promise<void> => {
      const onDrop = expendable.add('what hears of drops', () => {})
      const channel = expendable.add('the channel', new Channel({ priorities: 2, onDrop }))
      await use(channel, expendable)
    }
    for (let n = 0; n < 10; n++) await make()
    await expendable.assertCollected(t)
    await assertHandles(t, before)
  })
}

test.serial('what a handle that is collected had leased goes to another', async (t) => {
  using channel = new Channel<number>()
  const lease = async (): Promise<void> => {
    await Channel.attach(channel.token).lease()
  }
  await channel.send(1)
  await lease()
  t.is(channel.stats().leased, 1)
  const again = channel.lease()
  let attempt = 0
  void again.then((leased) => {
    attempt = leased.attempt
    leased.settle()
  })
  t.true(await collectUntil(() => attempt > 0))
  t.is(attempt, 2)
})

const ends: Record<string, (channel: Channel<number>) => unknown> = {
  'is closed and drained': (channel) => {
    channel.close()
    return channel.receive()
  },
  'is aborted': (channel) => channel.abort(),
}

for (const [what, end] of Object.entries(ends)) {
  test.serial(`a token keeps a channel until it ${what}`, async (t) => {
    const before = liveHandles()
    const expendable = new Expendable()
    const tokens = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const channel = expendable.add('the channel', new Channel<number>())
        await channel.send(1)
        return channel.token
      }),
    )
    await expendable.assertCollected(t)
    await assertHandles(t, before, { channels: 10 })
    const finish = async (token: ChannelToken<number>): Promise<void> => {
      await end(expendable.add('the handle', Channel.attach(token)))
    }
    for (const token of tokens) await finish(token)
    await expendable.assertCollected(t)
    await assertHandles(t, before)
  })
}

test.serial('channels that are dropped by thousands are collected before they fill the memory', async (t) => {
  const CHANNELS = 10_000
  const before = liveHandles()
  let most = 0
  for (let made = 0; made < CHANNELS; made++) {
    await new Channel().send(made)
    // Their finalizers are tasks.
    if (made % 100 === 0) await turns(1)
    most = Math.max(most, liveHandles().channels ?? CHANNELS)
  }
  t.true(most < CHANNELS / 4, `${most} of ${CHANNELS} at once`)
  await assertHandles(t, before)
})

test.serial('a system that was never started is collected with its native part', async (t) => {
  const before = liveHandles()
  const expendable = new Expendable()
  const make = (): void => {
    const handler = expendable.add('the handler', () => {})
    const system = expendable.add('the system', new ProducerConsumerSystem({ handler }))
    system.on(
      'deadLetter',
      expendable.add('the listener', () => {}),
    )
  }
  for (let n = 0; n < 10; n++) make()
  await expendable.assertCollected(t)
  await assertHandles(t, before)
})

const systems: Record<string, (handler: (item: number) => unknown) => ProducerConsumerSystem<number>> = {
  'a function': (handler) => new ProducerConsumerSystem<number>({ handler, results: true }),
  'a function, in batches': (handler) =>
    new ProducerConsumerSystem<number>({
      handler: (items: number[]) => items.map(handler),
      batch: { size: 5 },
    }),
  'a module': () => new ProducerConsumerSystem<number>({ handler: PLAIN, consumers: 2 }),
  'a channel to take from': (handler) =>
    new ProducerConsumerSystem<number>({ handler, channel: new Channel<number>() }),
}

for (const [what, make] of Object.entries(systems)) {
  for (const [how, end] of Object.entries({
    stopped: (system: ProducerConsumerSystem<number>) => system.stop(),
    aborted: (system: ProducerConsumerSystem<number>) => system.abort(),
  })) {
    test.serial(`a system with ${what} that was ${how} leaves nothing behind`, async (t) => {
      const before = liveHandles()
      const expendable = new Expendable()
      const live = async (): Promise<void> => {
        const handler = expendable.add('the handler', (item: number) => {
          if (item === 7) throw expendable.add('the error', new Error('seven'))
          return 2 * item
        })
        const system = expendable.add('the system', make(handler))
        for (const event of ['deadLetter', 'stateChange', 'workerExit'] as const) {
          system.on(
            event,
            expendable.add(`what listens to ${event}`, () => {}),
          )
        }
        await system.start()
        for (let item = 0; item < 20; item++) await system.send(item)
        expendable.add('the promise of idle', system.idle()).catch(() => {})
        await end(system)
        if (what !== 'a channel to take from') expendable.add('the report', await system.finished)
      }
      for (let n = 0; n < 2; n++) await live()
      await expendable.assertCollected(t)
      await assertHandles(t, before)
    })
  }
}

test.serial('a listener that was taken off is collected while its system runs', async (t) => {
  const expendable = new Expendable()
  await using system = new ProducerConsumerSystem<number>({ handler: () => {} })
  const listen = async (): Promise<void> => {
    const [listener, once] = [expendable.add('on', () => {}), expendable.add('once', () => {})]
    system.on('stateChange', listener)
    system.once('stateChange', once)
    await system.start()
    system.off('stateChange', listener)
  }
  await listen()
  await expendable.assertCollected(t)
})

test.serial('results are collected once they were read, while their system runs', async (t) => {
  const expendable = new Expendable()
  await using system = new ProducerConsumerSystem<number, { n: number }>({ handler: (n) => ({ n }) })
  const read = async (): Promise<void> => {
    const results = system.results()[Symbol.asyncIterator]()
    await system.start()
    await system.send(1)
    const { value } = await results.next()
    expendable.add('the result', value as object)
    await results.return?.()
  }
  await read()
  for (let n = 0; n < 10; n++) expendable.add('the answer', await system.run(n))
  await system.idle()
  await expendable.assertCollected(t)
})

for (const how of ['exits', 'throws', 'is terminated']) {
  test.serial(`a thread that ${how} in the middle of everything leaves no native handle`, async (t) => {
    const before = liveHandles()
    using channel = new Channel<number>()
    await channel.send(1)
    const thread = new Thread(
      t,
      `const channel = Channel.attach(data)
      const lease = await channel.lease()
      void channel.receive()
      const full = new Channel({ capacity: 1 })
      full.token
      void full.sendMany([1, 2, 3])
      const system = new library.ProducerConsumerSystem({ handler: () => new Promise(() => {}) })
      await system.start()
      await system.send(1)
      const [message] = await Promise.all([heard(), say('in the middle')])
      if (message === 'exits') process.exit()
      throw new Error('thrown')`,
      channel.token,
    )
    await thread.said()
    t.is(channel.stats().leased, 1)
    if (how === 'is terminated') await thread.worker.terminate()
    else thread.tell(how)
    await thread.ended.catch(() => {})
    t.is(await channel.receive(), 1)
    await assertHandles(t, before, { channels: 1, attachments: 1 })
  })
}
