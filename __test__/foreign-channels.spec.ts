/** What a system does with a channel of another make that does not do as it should. */

import test from 'ava'
import { type ItemChannel, ProducerConsumerSystem, type SourceError } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'

/** A channel of another make with one item, whose lease is as `lease` says. */
function foreign(lease: object): ItemChannel<unknown> {
  return {
    send: async () => {},
    sendMany: async () => {},
    receive: () => new Promise(() => {}),
    receiveMany: async () => [],
    lease: async () => ({ item: 1, id: 'x', headers: {}, attempt: 1, ...lease }) as never,
    close() {},
    abort() {},
    async *[Symbol.asyncIterator]() {},
  }
}

test('a source that loses an acknowledgement has failed, also where it says that something is closed', async (t) => {
  const lost = Object.assign(new Error('the acknowledgement is lost'), { code: 'ERR_MILLRACE_CLOSED' })
  const source = foreign({ settle: () => Promise.reject(lost) })
  const system = new ProducerConsumerSystem({ source, handler: () => {} })
  await system.start()
  const error = await t.throwsAsync(system.finished, { code: 'ERR_MILLRACE_SOURCE' })
  t.is(error?.cause, lost)
  assertConservation(t, (error as SourceError).report)
})

for (const [how, retry] of [
  ['never answers', () => new Promise(() => {})],
  ['rejects', () => Promise.reject(new Error('no way back'))],
  [
    'throws',
    () => {
      throw new Error('no way back')
    },
  ],
] as const) {
  test(`an item of a source that can't travel fails it, also where its lease ${how}`, async (t) => {
    const source = foreign({ item: () => {}, retry })
    const system = new ProducerConsumerSystem({ source, handler: () => {} })
    await system.start()
    const error = await t.throwsAsync(system.finished, { code: 'ERR_MILLRACE_SOURCE' })
    const { cause, report } = error as SourceError
    t.is((cause as { code: string }).code, 'ERR_MILLRACE_UNCLONEABLE')
    assertConservation(t, report)
  })
}
