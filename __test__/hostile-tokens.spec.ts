/** Tokens that nobody was given. */

import { Worker } from 'node:worker_threads'
import test from 'ava'
import { Channel, type ChannelToken } from '../src/index.js'

const channel = new Channel<number>()
const { handle, id } = channel.token

function throwing(): never {
  throw new Error('not to be read')
}

const NO_TOKENS: Record<string, unknown> = {
  nothing: undefined,
  null: null,
  'a number': handle,
  'a text': id,
  'a function': () => {},
  'an empty object': {},
  'a handle of another type': { handle: BigInt(handle), id },
  'a handle that is a text': { handle: String(handle), id },
  'a handle below': { handle: -1, id },
  'a handle of more than 32 bits': { handle: 2 ** 32 + handle, id },
  'a handle that is no integer': { handle: handle + 0.5, id },
  'no handle': { handle: Number.NaN, id },
  'an id in an array': { handle, id: [id] },
  'an id that becomes one': { handle, id: { toString: () => id } },
  'an id in capitals': { handle, id: id.replaceAll(/[0-9]/g, 'A') },
  'an id with a line end': { handle, id: `${id}\n` },
  'an id of 1 MB': { handle, id: 'a'.repeat(2 ** 20) },
  'a proxy that throws': new Proxy({}, { get: throwing, getPrototypeOf: throwing, ownKeys: throwing }),
  'a revoked proxy': (() => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  })(),
}

for (const [what, token] of Object.entries(NO_TOKENS)) {
  test(`${what} is no token`, (t) => {
    t.throws(() => Channel.attach(token as ChannelToken), {
      code: 'ERR_MILLRACE_INVALID_OPTION',
      message: /^token: expected the token of a channel, got /,
    })
  })
}

test('whoever guesses a handle attaches to nothing', (t) => {
  const system = new Channel()
  const highest = system.token.handle + 50
  for (let guess = 1; guess <= highest; guess++) {
    for (const guessed of ['0'.repeat(32), guess === handle ? `f${id.slice(1)}` : id]) {
      if (guess === handle && guessed === id) continue
      t.throws(() => Channel.attach({ handle: guess, id: guessed }), { code: 'ERR_MILLRACE_STALE_TOKEN' })
    }
  }
})

test('a token is read once, so what it shows later does not matter', async (t) => {
  let reads = 0
  const changing = {
    get handle() {
      return reads++ === 0 ? handle : Number.NaN
    },
    id,
  }
  const attached = Channel.attach<number>(changing as ChannelToken<number>)
  await attached.send(1)
  t.is(await channel.receive(), 1)
  attached[Symbol.dispose]()
})

test('a token from another thread that was tampered with attaches to nothing there', async (t) => {
  const library = new URL('../src/index.js', import.meta.url).href
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
    import(${JSON.stringify(library)}).then(({ Channel }) => {
      const outcomes = workerData.map((token) => {
        try { Channel.attach(token); return 'attached' } catch ({ code }) { return code }
      })
      parentPort.postMessage(outcomes)
    })`,
    {
      eval: true,
      workerData: [{ handle, id }, { handle, id: '0'.repeat(32) }, { handle: handle + 1, id }, { handle }],
    },
  )
  const outcomes = await new Promise((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  )
  t.deepEqual(outcomes, [
    'attached',
    'ERR_MILLRACE_STALE_TOKEN',
    'ERR_MILLRACE_STALE_TOKEN',
    'ERR_MILLRACE_INVALID_OPTION',
  ])
})
