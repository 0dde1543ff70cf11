/** Modules that do not load, and options that make no module. */

import test, { type ExecutionContext } from 'ava'
import {
  handlerModule,
  InvalidOptionError,
  ModuleError,
  type ModuleOptions,
  ProducerConsumerSystem,
  sourceModule,
} from '../src/index.js'
import { Cells } from './helpers/cells.js'
import { assertConservation } from './helpers/conservation.js'
import { until } from './helpers/gate.js'
import { assertSaid, runFile, runProgram } from './helpers/program.js'
import type * as Shared from './modules/shared.js'
import { INITS, ITEMS } from './modules/shared.js'

const PLAIN = new URL('./modules/plain.js', import.meta.url)
const SHARED = new URL('./modules/shared.js', import.meta.url)

const code = (source: string): URL => new URL(`data:text/javascript,${encodeURIComponent(source)}`)

/** Modules that fail to load, and what `start()` rejects with. */
const FAILURES: [what: string, module: URL, options: ModuleOptions, expected: object][] = [
  ['is missing', new URL('./nowhere.js', PLAIN), {}, { code: 'ERR_MODULE_NOT_FOUND' }],
  ['imports what is missing', code('import "node:nowhere"'), {}, { code: 'ERR_UNKNOWN_BUILTIN_MODULE' }],
  ['has a syntax error', code('export default ('), {}, { name: 'SyntaxError' }],
  ['throws', code('throw new RangeError("at the top")'), {}, { name: 'RangeError', message: 'at the top' }],
  ['throws what is no error', code('throw { odd: [1] }'), {}, { odd: [1] }],
  ['exits', code('process.exit(5)'), {}, { message: 'the worker exited with code 5' }],
  ['exits without an error', code('process.exit()'), {}, { message: 'the worker exited with code 0' }],
  [
    'throws later than it waits',
    code('setImmediate(() => { throw new TypeError("later") }); await new Promise(() => {})'),
    {},
    { name: 'TypeError', message: 'later' },
  ],
  [
    'lacks the export',
    PLAIN,
    { export: 'nowhere' },
    { code: 'ERR_MILLRACE_MODULE', message: /'nowhere'.*no such export.*double|later/ },
  ],
  [
    'exports no function',
    code('export default 5'),
    {},
    { code: 'ERR_MILLRACE_MODULE', message: /got number.*are none/ },
  ],
  ['has no init', PLAIN, { init: 1 }, { code: 'ERR_MILLRACE_MODULE', message: /'init'/ }],
  [
    'has an init that throws',
    code('export const init = (value) => { throw new RangeError(value) }; export default () => {}'),
    { init: 'the value' },
    { name: 'RangeError', message: 'the value' },
  ],
  [
    'has an init that rejects',
    code(
      'export const init = async (value) => { throw Object.assign(new Error("no"), value) }; export default () => {}',
    ),
    { init: { code: 'EINIT' } },
    { message: 'no', code: 'EINIT' },
  ],
]

for (const [what, module, options, expected] of FAILURES) {
  for (const [side, system] of Object.entries({
    handler: () => new ProducerConsumerSystem({ consumers: 1, handler: handlerModule(module, options) }),
    source: () =>
      new ProducerConsumerSystem({ producers: 1, source: sourceModule(module, options), handler: () => {} }),
  })) {
    test(`start() rejects with its error where the ${side} module ${what}`, async (t) => {
      const { error, report } = await failing(t, system())
      like(t, error, expected)
      t.is(report.state, 'aborted')
      if (what.includes('export')) t.true((error as Error).name === 'ModuleError')
    })
  }
}

async function failing(t: ExecutionContext, system: ProducerConsumerSystem<unknown, unknown>) {
  let error: unknown
  await system.start().then(
    () => t.fail('started'),
    (thrown: unknown) => {
      error = thrown
    },
  )
  const report = await system.finished
  await t.throwsAsync(system.start(), { code: 'ERR_MILLRACE_INVALID_STATE' })
  await t.throwsAsync(system.send(1), { code: 'ERR_MILLRACE_ABORTED' })
  return { error, report }
}

function like(t: ExecutionContext, error: unknown, expected: object): void {
  for (const [key, value] of Object.entries(expected)) {
    const got: unknown = Reflect.get(error as object, key)
    if (value instanceof RegExp) t.regex(String(got), value)
    else t.deepEqual(got, value, key)
  }
}

test('what was sent before a start that fails is in the report', async (t) => {
  const system = new ProducerConsumerSystem({ consumers: 1, handler: code('throw 1') })
  await system.sendMany([1, 2, 3])
  const run = system.run(4)
  await t.throwsAsync(Promise.all([run, system.start().catch(() => {})]), { code: 'ERR_MILLRACE_ABORTED' })
  const report = await system.finished
  t.deepEqual(report.unprocessed, [1, 2, 3, 4])
  t.is(report.discarded, 4)
})

test('a system whose module never ends loading can be stopped and aborted', async (t) => {
  for (const end of ['stop', 'abort', 'signal'] as const) {
    const controller = new AbortController()
    const system = new ProducerConsumerSystem({
      consumers: 2,
      handler: code('await new Promise(() => {})'),
      signal: controller.signal,
    })
    const starting = system.start()
    await t.throwsAsync(system.start(), { code: 'ERR_MILLRACE_INVALID_STATE' })
    if (end === 'stop') void system.stop()
    else if (end === 'abort') void system.abort(new Error('enough'))
    else controller.abort(new Error('enough'))
    await t.throwsAsync(starting, {
      code: end === 'stop' ? 'ERR_MILLRACE_CLOSED' : 'ERR_MILLRACE_ABORTED',
    })
    const report = await system.finished
    t.is(report.state, end === 'stop' ? 'stopped' : 'aborted')
  }
})

/** What becomes of a start that a stop or an abort meets: it is through, or learns of it. */
const ENDS: unknown[] = [
  undefined,
  'ERR_MILLRACE_CLOSED',
  'ERR_MILLRACE_ABORTED',
  'ERR_MILLRACE_INVALID_STATE',
]

test('a system with modules can be stopped and aborted while they load', async (t) => {
  for (const end of ['stop', 'abort'] as const) {
    for (let turns = 0; turns < 8; turns++) {
      const system = new ProducerConsumerSystem({
        consumers: 2,
        producers: 2,
        source: sourceModule(code('export default function* () { yield 1 }')),
        handler: PLAIN,
      })
      const starting = system.start().catch((error: { code: string }) => error.code)
      for (let turn = 0; turn < turns * 400; turn++) await new Promise((resolve) => setImmediate(resolve))
      const report = await system[end]()
      t.true(ENDS.includes((await starting) as string), `${await starting}`)
      t.is(report.produced, report.processed + report.deadLettered + report.discarded)
    }
  }
})

test('init is called once in each worker, with a copy of its value, before the first item', async (t) => {
  const cells = new Cells(100)
  const handler = code(`
    let state
    export const init = async (value) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      Atomics.add(new Int32Array(value.memory), 0, 1)
      state = value
    }
    export default () => state.list.push(1) && state.list.length`)
  const list: number[] = []
  const options = { init: { memory: cells.memory, list } }
  const system = new ProducerConsumerSystem({ consumers: 3, handler: handlerModule(handler, options) })
  list.push(1, 2, 3)
  await system.start()
  t.is(cells.get(0), 3)
  t.is(await system.run(1), 1)
  await system.stop()
  t.is(list.length, 3)
})

test('workers have the environment, flags and limits that were asked for', async (t) => {
  const module = code(`import { resourceLimits } from 'node:worker_threads'
    export default (name) => [process.env[name], process.execArgv, resourceLimits.maxOldGenerationSizeMb]`)
  const options = {
    env: { MILLRACE_SPECIAL: 'yes' },
    execArgv: ['--no-warnings'],
    resourceLimits: { maxOldGenerationSizeMb: 99 },
  }
  const system = new ProducerConsumerSystem({ consumers: 1, handler: handlerModule(module, options) })
  await system.start()
  t.deepEqual(await system.run('MILLRACE_SPECIAL'), ['yes', ['--no-warnings'], 99])
  t.deepEqual(await system.run('PATH'), [undefined, ['--no-warnings'], 99])
  await system.stop()
})

for (const [name, run] of Object.entries({ runFile, runProgram })) {
  test(`workers start whatever flags of V8 the process has: ${name}`, async (t) => {
    const source = `const system = new ProducerConsumerSystem({ consumers: 1, handler: new URL(${JSON.stringify(PLAIN.href)}) })
      await system.start()
      console.log(await system.run(1), typeof gc)
      await system.stop()`
    assertSaid(t, await run(t, source, ['--expose-gc', '--max-old-space-size=200']), '2 function')
  })
}

test('flags that Node refuses fail start()', async (t) => {
  for (const [side, system] of Object.entries({
    handler: new ProducerConsumerSystem({ handler: handlerModule(PLAIN, { execArgv: ['--nonsense'] }) }),
    source: new ProducerConsumerSystem({
      source: sourceModule(PLAIN, { execArgv: ['--nonsense'] }),
      handler: () => {},
    }),
  })) {
    await t.throwsAsync(system.start(), { code: 'ERR_WORKER_INVALID_EXEC_ARGV' }, side)
    t.is((await system.finished).state, 'aborted')
  }
})

test('a program whose module does not load ends', async (t) => {
  for (const [handler, expected] of [
    [`code('setInterval(() => {}, 1000); throw new Error("top")')`, 'top'],
    [`code('throw new Error("top")')`, 'top'],
    [
      `handlerModule(code('export default () => {}'), { execArgv: ['--nonsense'] })`,
      'ERR_WORKER_INVALID_EXEC_ARGV',
    ],
  ] as const) {
    const ended = await runFile(
      t,
      `const { handlerModule } = await import(library)
      const code = (source) => new URL('data:text/javascript,' + encodeURIComponent(source))
      const system = new ProducerConsumerSystem({ consumers: 3, handler: ${handler} })
      await system.start().catch((error) => console.log(error.code ?? error.message))`,
    )
    assertSaid(t, ended, expected)
  }
})

const BAD: [option: string, make: () => unknown][] = [
  ['module', () => handlerModule('./relative.js')],
  ['module', () => handlerModule('file:///a/text.js')],
  ['module', () => handlerModule(new URL('https://example.org/handler.js'))],
  ['module', () => handlerModule(new URL('node:fs'))],
  ['module', () => handlerModule(undefined as never)],
  ['module', () => handlerModule((() => {}) as never)],
  ['export', () => handlerModule(PLAIN, { export: 5 as never })],
  ['env', () => handlerModule(PLAIN, { env: 'A=1' as never })],
  ['env', () => handlerModule(PLAIN, { env: Symbol('other') as never })],
  ['resourceLimits', () => handlerModule(PLAIN, { resourceLimits: 100 as never })],
  [
    'resourceLimits.maxOldGenerationSizeMB',
    () => handlerModule(PLAIN, { resourceLimits: { maxOldGenerationSizeMB: 64 } as never }),
  ],
  ['execArgv', () => handlerModule(PLAIN, { execArgv: '--flag' as never })],
  ['execArgv', () => handlerModule(PLAIN, { execArgv: [5] as never })],
  ['handler', () => new ProducerConsumerSystem({ handler: './relative.js' })],
  ['handler', () => new ProducerConsumerSystem({ handler: '' })],
  ['module', () => new ProducerConsumerSystem({ handler: new URL('https://example.org/handler.js') })],
  ['source', () => new ProducerConsumerSystem({ source: SHARED as never, handler: PLAIN })],
  ['module', () => sourceModule('relative.js')],
  ['consumers', () => new ProducerConsumerSystem({ handler: PLAIN, consumers: 0 })],
]

test('what makes no module is refused, naming the option', (t) => {
  for (const [option, make] of BAD) {
    const error = t.throws(make, { instanceOf: InvalidOptionError }, `${make}`) as InvalidOptionError
    t.is(error.option, option, `${make}`)
    t.is(error.code, 'ERR_MILLRACE_INVALID_OPTION')
  }
  const unknown = t.throws(() => handlerModule(PLAIN, { exports: 'a' } as never), {
    instanceOf: InvalidOptionError,
  }) as InvalidOptionError
  t.regex(unknown.message, /exports/)
  t.throws(() => handlerModule(PLAIN, null as never), { instanceOf: InvalidOptionError })
  t.throws(() => handlerModule(PLAIN, { init: () => {} }), {
    code: 'ERR_MILLRACE_UNCLONEABLE',
    message: /^init/,
  })
  t.true(new ModuleError('x') instanceof Error)
})

test('a second start() is refused before it loads anything, and does no harm', async (t) => {
  const cells = new Cells(ITEMS + 2)
  const system = new ProducerConsumerSystem({
    consumers: 2,
    handler: handlerModule<typeof Shared, 'endedBy'>(SHARED, { export: 'endedBy', init: cells.memory }),
  })
  await system.start()
  await t.throwsAsync(system.start(), {
    message: 'cannot start a system that is running: expected it to be ready',
  })
  t.is(cells.get(INITS), 2)
  assertConservation(t, await system.stop())
  await t.throwsAsync(system.start(), {
    message: 'cannot start a system that is stopped: expected it to be ready',
  })
})

test('a worker that never ends is terminated, also after a second start()', async (t) => {
  const system = new ProducerConsumerSystem<string>({
    consumers: 1,
    handler: code('export default (item) => { for (;;); }'),
  })
  await system.start()
  await t.throwsAsync(system.start(), { code: 'ERR_MILLRACE_INVALID_STATE' })
  await system.send('spin')
  await until(() => system.stats().inFlight === 1)
  const report = await system.stop({ timeout: 20 })
  t.is(report.deadLettered, 1)
  assertConservation(t, report)
})
