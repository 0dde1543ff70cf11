import test from 'ava'
import { Channel, InvalidOptionError, UncloneableError } from '../src/index.js'

test('options of a channel are checked', (t) => {
  const bad: [option: string, value: unknown][] = [
    ...[0, -1, 0.5, 2 ** 24 + 1, Number.NaN, Number.POSITIVE_INFINITY, '10', null, 10n].map(
      (value) => ['capacity', value] as [string, unknown],
    ),
    ...[-1, 0.5, Number.NaN, '1', null].map((value) => ['maxWaiting', value] as [string, unknown]),
    ['capacty', 1],
  ]
  for (const [option, value] of bad) {
    const error = t.throws(() => new Channel({ [option]: value }), {
      instanceOf: InvalidOptionError,
      code: 'ERR_MILLRACE_INVALID_OPTION',
    })
    t.is(error?.option, option)
  }
  for (const options of [null, 5, 'x', []]) {
    t.throws(() => new Channel(options as object), { instanceOf: InvalidOptionError })
  }
  t.is(new Channel().capacity, 1000)
  t.is(new Channel({ capacity: 2 ** 24 }).capacity, 2 ** 24)
})

test('options and arguments of calls are checked, and the channel stays usable', async (t) => {
  const channel = new Channel<unknown>()
  const invalid = { instanceOf: InvalidOptionError, code: 'ERR_MILLRACE_INVALID_OPTION' }
  const options: unknown[] = [
    null,
    5,
    [],
    { timeout: -1 },
    { timeout: Number.NaN },
    { timeout: '5' },
    { timeout: Number.POSITIVE_INFINITY },
    { signal: {} },
    { signal: null },
    { timout: 5 },
    { priority: 1 },
  ]
  for (const option of options) {
    const wait = option as object
    await t.throwsAsync(channel.send(1, wait), invalid)
    await t.throwsAsync(channel.sendMany([1], wait), invalid)
    await t.throwsAsync(channel.receive(wait), invalid)
    await t.throwsAsync(channel.receiveMany(1, wait), invalid)
    await t.throwsAsync(channel.lease(wait), invalid)
    t.throws(() => channel.sendSync(1, wait), invalid)
    t.throws(() => channel.receiveSync(wait), invalid)
  }
  for (const option of [{ id: '' }, { id: 5 }, { headers: null }, { headers: [] }, { headers: { a: 1 } }]) {
    await t.throwsAsync(channel.send(1, option as object), invalid)
  }
  await t.throwsAsync(channel.sendMany([1, 2], { id: 'one for two' }), invalid)
  for (const max of [0, -1, 0.5, Number.NaN, '1', undefined]) {
    await t.throwsAsync(channel.receiveMany(max as number), invalid)
  }
  for (const items of [undefined, 'text', new Set([1]), 5]) {
    await t.throwsAsync(channel.sendMany(items as unknown as unknown[]), invalid)
  }
  t.is(channel.length, 0)
  await channel.send('still there')
  t.is(await channel.receive(), 'still there')
})

test('what cannot be cloned is refused with its place, and no item of the call is sent', async (t) => {
  const channel = new Channel<unknown>()
  const bad = { deep: [1, { callback: () => {} }] }
  for (const call of [
    () => channel.send(bad),
    () => channel.sendMany([1, bad]),
    async () => channel.trySend(bad),
  ]) {
    const error = await t.throwsAsync(call(), {
      instanceOf: UncloneableError,
      code: 'ERR_MILLRACE_UNCLONEABLE',
    })
    t.regex((error as UncloneableError).path, /(item|items\[1\])\.deep\[1\]\.callback$/)
  }
  await t.throwsAsync(channel.send(Symbol('no')), { instanceOf: UncloneableError })
  await t.throwsAsync(
    channel.send({
      get broken() {
        throw new Error('a getter')
      },
    }),
    { instanceOf: UncloneableError },
  )
  t.is(channel.length, 0)
  await channel.send('still there')
  t.is(await channel.receive(), 'still there')
})
