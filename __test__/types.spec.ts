import test from 'ava'
import { expectTypeOf } from 'expect-type'
import {
  Channel,
  type Context,
  type FileDigest,
  files,
  type Handler,
  handlerModule,
  hash,
  hashFile,
  lines,
  noop,
  ProducerConsumerSystem,
  type Report,
  type SelectCase,
  type Selected,
  type Source,
  select,
  sequence,
  sleep,
  sourceModule,
} from '../src/index.js'
import type * as Plain from './modules/plain.js'
import type * as Sources from './modules/sources.js'

const MODULE = new URL('./modules/plain.js', import.meta.url)

// What matters here is that it compiles. Nothing is started, so nothing has to be stopped.

test('items are typed by the source, results by the handler', (t) => {
  const numbers = new ProducerConsumerSystem({ source: sequence({ of: 'number' }), handler: (n) => n * 2 })
  expectTypeOf(numbers).toEqualTypeOf<ProducerConsumerSystem<number, number>>()
  expectTypeOf(numbers.run).returns.resolves.toBeNumber()

  const names = new ProducerConsumerSystem({ source: sequence(), handler: (name) => name.length > 3 })
  expectTypeOf(names).toEqualTypeOf<ProducerConsumerSystem<string, boolean>>()

  const bytes = new ProducerConsumerSystem({ source: sequence({ of: 'bytes' }), handler: hash('sha256') })
  expectTypeOf(bytes).toEqualTypeOf<ProducerConsumerSystem<Uint8Array, string>>()

  expectTypeOf(sequence()).toEqualTypeOf<Source<string>>()
  expectTypeOf(sequence({ of: 'name' })).toEqualTypeOf<Source<string>>()
  expectTypeOf(sequence({ limit: 5 })).toEqualTypeOf<Source<string>>()
  t.pass()
})

test('a promise is unwrapped', (t) => {
  const system = new ProducerConsumerSystem({
    source: [1, 2],
    handler: async (n) => (n > 1 ? String(n) : undefined),
  })
  expectTypeOf(system).toEqualTypeOf<ProducerConsumerSystem<number, string | undefined>>()
  t.pass()
})

test('a handler of batches may give nothing', (t) => {
  const batch = { size: 3 }
  const system = new ProducerConsumerSystem({ source: ['a'], batch, handler: (items) => void items })
  expectTypeOf(system).toExtend<ProducerConsumerSystem<string, unknown>>()
  const store = async (_: string[]): Promise<void> => {}
  expectTypeOf(new ProducerConsumerSystem({ batch, handler: store }).send)
    .parameter(0)
    .toBeString()
  const lengths = new ProducerConsumerSystem({
    source: ['a'],
    batch,
    handler: (items) => items.map(({ length }) => length),
  })
  expectTypeOf(lengths.run).returns.resolves.toBeNumber()
  const module = handlerModule<{ store: typeof store }, 'store'>(MODULE, { export: 'store' })
  new ProducerConsumerSystem({ source: ['a'], batch, handler: module })
  // @ts-expect-error: a count is neither a result for each item nor nothing
  new ProducerConsumerSystem({ source: ['a'], batch, handler: (items) => items.length })
  t.pass()
})

test('iterables and source functions type their items', (t) => {
  async function* letters(): AsyncGenerator<'a' | 'b'> {
    yield 'a'
  }
  expectTypeOf(new ProducerConsumerSystem({ source: new Set([1]), handler: (n) => n })).toEqualTypeOf<
    ProducerConsumerSystem<number, number>
  >()
  expectTypeOf(new ProducerConsumerSystem({ source: letters(), handler: (letter) => letter })).toEqualTypeOf<
    ProducerConsumerSystem<'a' | 'b', 'a' | 'b'>
  >()
  expectTypeOf(
    new ProducerConsumerSystem({ source: ({ index }) => [index], handler: (n) => n }),
  ).toEqualTypeOf<ProducerConsumerSystem<number, number>>()
  const called = new ProducerConsumerSystem({ source: letters, handler: noop() })
  expectTypeOf(called.run).returns.resolves.toBeUndefined()
  t.pass()
})

test('without a source the handler types the items', (t) => {
  const system = new ProducerConsumerSystem({ handler: (url: URL) => url.href })
  expectTypeOf(system).toEqualTypeOf<ProducerConsumerSystem<URL, string>>()
  expectTypeOf(system.send).parameter(0).toEqualTypeOf<URL>()
  const hashing = new ProducerConsumerSystem({ handler: hash('xxh3') })
  expectTypeOf(hashing).toEqualTypeOf<ProducerConsumerSystem<string | Uint8Array, string>>()
  const explicit = new ProducerConsumerSystem<number, string>({ handler: (n) => n.toFixed(2) })
  expectTypeOf(explicit.trySend).parameter(0).toBeNumber()
  t.pass()
})

test('native handlers say what they take and give', (t) => {
  expectTypeOf(sleep([1, 2])).toEqualTypeOf<Handler<unknown, number>>()
  expectTypeOf(noop()).toEqualTypeOf<Handler<unknown, undefined>>()
  expectTypeOf(hash('blake3')).toEqualTypeOf<Handler<string | Uint8Array, string>>()
  expectTypeOf(hashFile('sha256')).toEqualTypeOf<Handler<string | Uint8Array, FileDigest<string>>>()
  expectTypeOf(hashFile('sha256', { encoding: 'buffer' })).toEqualTypeOf<
    Handler<string | Uint8Array, FileDigest<Uint8Array>>
  >()
  expectTypeOf(lines('a')).toEqualTypeOf<Source<string>>()
  expectTypeOf(lines(['a'], { encoding: 'buffer' })).toEqualTypeOf<Source<Uint8Array>>()
  expectTypeOf(files('.', { encoding: 'utf8' })).toEqualTypeOf<Source<string>>()
  const numbers = sequence({ of: 'number' })
  // @ts-expect-error a number has no bytes to hash
  expectTypeOf(new ProducerConsumerSystem({ source: numbers, handler: hash('xxh3') }))
  // @ts-expect-error a number is no path
  expectTypeOf(new ProducerConsumerSystem({ source: numbers, handler: hashFile('xxh3') }))
  t.pass()
})

test('the module of a handler says what it takes and gives', (t) => {
  expectTypeOf(handlerModule<typeof Plain>(MODULE)).toEqualTypeOf<Handler<number, number>>()
  expectTypeOf(handlerModule<typeof Plain, 'later'>(MODULE, { export: 'later' })).toEqualTypeOf<
    Handler<number, string>
  >()
  expectTypeOf(handlerModule<typeof Plain, 'text'>(MODULE, { export: 'text' })).toEqualTypeOf<
    Handler<number, string>
  >()
  expectTypeOf(handlerModule(MODULE)).toEqualTypeOf<Handler<unknown, unknown>>()
  const system = new ProducerConsumerSystem({
    source: sequence({ of: 'number' }),
    handler: handlerModule<typeof Plain, 'later'>(MODULE, { export: 'later', init: { any: 'thing' } }),
  })
  expectTypeOf(system).toEqualTypeOf<ProducerConsumerSystem<number, string>>()
  expectTypeOf(new ProducerConsumerSystem({ handler: handlerModule<typeof Plain>(MODULE) }).send)
    .parameter(0)
    .toBeNumber()
  expectTypeOf(new ProducerConsumerSystem({ handler: MODULE })).toEqualTypeOf<
    ProducerConsumerSystem<unknown, unknown>
  >()
  const names = sequence()
  // @ts-expect-error the module takes numbers
  expectTypeOf(new ProducerConsumerSystem({ source: names, handler: handlerModule<typeof Plain>(MODULE) }))
  // @ts-expect-error the export that is typed is the one to name
  expectTypeOf(handlerModule<typeof Plain, 'later'>(MODULE, { export: 'text' }))
  // @ts-expect-error an option that does not exist
  t.throws(() => handlerModule<typeof Plain>(MODULE, { exports: 'default' }))
})

test('the module of a source says what it makes', (t) => {
  expectTypeOf(sourceModule<typeof Sources>(MODULE)).toEqualTypeOf<Source<number>>()
  expectTypeOf(sourceModule<typeof Sources, 'labelled'>(MODULE, { export: 'labelled' })).toEqualTypeOf<
    Source<{ index: number; count: number; n: number }>
  >()
  expectTypeOf(sourceModule(MODULE)).toEqualTypeOf<Source<unknown>>()
  const system = new ProducerConsumerSystem({
    source: sourceModule<typeof Sources>(MODULE),
    handler: handlerModule<typeof Plain, 'later'>(MODULE, { export: 'later' }),
  })
  expectTypeOf(system).toEqualTypeOf<ProducerConsumerSystem<number, string>>()
  const called = new ProducerConsumerSystem({
    source: sourceModule<typeof Sources>(MODULE),
    handler: (n) => [n],
  })
  expectTypeOf(called).toEqualTypeOf<ProducerConsumerSystem<number, number[]>>()
  t.pass()
})

test('a string is no source', (t) => {
  // @ts-expect-error use lines('access.log')
  t.throws(() => new ProducerConsumerSystem({ source: 'access.log', handler: noop() }), {
    message: /use lines\(path\)$/,
  })
})

test('what is unknown or wrong does not compile', (t) => {
  const calls = [
    // @ts-expect-error an option that does not exist
    () => new ProducerConsumerSystem({ handler: noop(), consumer: 5 }),
    // @ts-expect-error a system without a handler
    () => new ProducerConsumerSystem({ source: sequence() }),
    // @ts-expect-error an algorithm that does not exist
    () => hash('md5'),
    // @ts-expect-error a range of three
    () => sleep([1, 2, 3]),
    // @ts-expect-error an item of another type
    () => new ProducerConsumerSystem({ handler: (n: number) => n }).trySend('text'),
    // @ts-expect-error a handler of other items than the source's
    () => new ProducerConsumerSystem({ source: sequence(), handler: (n: number) => n }),
    // @ts-expect-error an event that does not exist
    () => new ProducerConsumerSystem({ handler: noop() }).on('error', () => {}),
  ]
  t.is(calls.length, 7)
})

test('events, reports, contexts and results are typed', (t) => {
  const system = new ProducerConsumerSystem({
    handler: async (n: number, context) => {
      expectTypeOf(context).toEqualTypeOf<Context<number>>()
      return `${n}`
    },
  })
  system.on('deadLetter', (letter) => {
    expectTypeOf(letter.item).toBeNumber()
    expectTypeOf(letter.error).toBeUnknown()
  })
  expectTypeOf(system.stop).returns.resolves.toEqualTypeOf<Report<number>>()
  expectTypeOf(system.finished).resolves.toEqualTypeOf<Report<number>>()
  expectTypeOf(system.results().next).returns.resolves.toEqualTypeOf<IteratorResult<string, undefined>>()
  t.pass()
})

test('a system can be used as one of results of any type', (t) => {
  const watch = (_: ProducerConsumerSystem<number, unknown>): void => {}
  watch(new ProducerConsumerSystem({ handler: (n: number) => `${n}` }))
  t.pass()
})

test('what a select gives is typed by the cases', (t) => {
  const [texts, numbers] = [new Channel<string>(), new Channel<number>()]
  const cases = () => [texts.receiving(), numbers.sending(1)] as const
  type Outcome =
    | { index: 0; done: false; value: string }
    | { index: 0; done: true; value: undefined }
    | { index: 1; done: false; value: undefined }
  expectTypeOf<Selected<ReturnType<typeof cases>>>().toEqualTypeOf<Outcome>()
  expectTypeOf(select<ReturnType<typeof cases>>).returns.resolves.toEqualTypeOf<Outcome>()
  const literal = () => select([texts.receiving(), numbers.sending(1)])
  expectTypeOf(literal).returns.resolves.toEqualTypeOf<Outcome>()
  expectTypeOf<Selected<SelectCase[]>['index']>().toBeNumber()
  // @ts-expect-error: an item of another type
  t.notThrows(() => numbers.sending('text'))
  // @ts-expect-error: a channel is no case
  void select([texts]).catch(() => {})
})

test('what is dropped is typed as what is sent', (t) => {
  const channel = new Channel<string>({
    overflow: 'drop-oldest',
    onDrop: (item) => expectTypeOf(item).toBeString(),
  })
  Channel.attach(channel.token, { onDrop: (item) => expectTypeOf(item).toBeString() })
  new ProducerConsumerSystem({
    source: sequence({ of: 'number' }),
    handler: noop(),
    overflow: 'drop-newest',
    onDrop: (item) => expectTypeOf(item).toBeNumber(),
  })
  // @ts-expect-error: no such overflow
  t.throws(() => new Channel({ overflow: 'drop' }))
})
