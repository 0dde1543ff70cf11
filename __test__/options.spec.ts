import test from 'ava'
import {
  files,
  type HashAlgorithm,
  hash,
  hashFile,
  InvalidOptionError,
  type KeyColumn,
  lines,
  noop,
  ProducerConsumerSystem,
  type SequenceOptions,
  type Span,
  type SystemOptions,
  sequence,
  sleep,
} from '../src/index.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

interface Bad {
  option: string
  expected: RegExp
  values: unknown[]
}

/** Bad values of each option of a system. */
const SYSTEM: Bad[] = [
  ...['producers', 'consumers'].map((option) => ({
    option,
    expected: /^an integer from 1 to 1024$/,
    values: [0, -1, 1.5, 1025, Number.NaN, Number.POSITIVE_INFINITY, 1e9, '10', 10n, null, true, [], {}],
  })),
  {
    option: 'capacity',
    expected: /^an integer from 1 to 16777216$/,
    values: [
      0,
      -1,
      0.5,
      2 ** 24 + 1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.MAX_SAFE_INTEGER,
      '1000',
      null,
    ],
  },
  {
    option: 'maxWaiting',
    expected: /^an integer from 0 to 9007199254740991$/,
    values: [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null],
  },
  { option: 'results', expected: /^true, false, or a Channel$/, values: [1, 'yes', null, {}] },
  {
    option: 'signal',
    expected: /^an AbortSignal$/,
    values: [null, {}, 'abort', new AbortController(), new EventTarget()],
  },
  {
    option: 'handler',
    expected: /^a function, a handler such as hash\(algorithm\), or the URL or absolute path of a module$/,
    values: [undefined, null, 5, 'hash', {}, [], Promise.resolve()],
  },
  {
    option: 'source',
    expected: /^a source such as lines\(path\), an iterable object, or a function$/,
    values: ['access.log', '', 5, null, true, {}, 10n, Symbol('source'), Promise.resolve([])],
  },
]

for (const { option, expected, values } of SYSTEM) {
  test(`bad values for the option ${option} of a system`, (t) => {
    for (const value of values) {
      const options = { handler: noop(), [option]: value } as SystemOptions<unknown, unknown>
      assertRefused(t, () => new ProducerConsumerSystem(options), { option, expected, received: value })
    }
  })
}

test('a string as a source is pointed to lines()', (t) => {
  const options = { source: 'access.log', handler: noop() }
  t.throws(() => new ProducerConsumerSystem(options as never), {
    message:
      "source: expected a source such as lines(path), an iterable object, or a function, got 'access.log'; " +
      'for the lines of a file, use lines(path)',
  })
})

test('what makes a source or a handler is refused uncalled, and the message says how it is called', (t) => {
  const make = (options: object): unknown =>
    new ProducerConsumerSystem({ handler: noop(), ...options } as never)
  const cases: [option: string, value: unknown, hint: string][] = [
    ['handler', hash, "got a function (hash); call it: hash('sha256')"],
    ['handler', hashFile, "got a function (hashFile); call it: hashFile('sha256')"],
    ['handler', sleep, 'got a function (sleep); call it: sleep(ms)'],
    ['handler', noop, 'got a function (noop); call it: noop()'],
    ['handler', lines, 'got a function (lines); lines(path) makes a source'],
    ['source', sequence, 'got a function (sequence); call it: sequence()'],
    ['source', lines, 'got a function (lines); call it: lines(path)'],
    ['source', files, 'got a function (files); call it: files(root)'],
    ['source', noop, 'got a function (noop); noop() makes a handler'],
  ]
  for (const [option, value, hint] of cases) {
    const error = t.throws<InvalidOptionError>(() => make({ [option]: value }), {
      instanceOf: InvalidOptionError,
      message: (message) => message.endsWith(`, ${hint}`),
    })
    t.is(error?.option, option)
  }
})

test('an unknown event is refused, with a suggestion where it is close', (t) => {
  const system = new ProducerConsumerSystem({ handler: noop() })
  const listen = (event: unknown): unknown => system.on(event as 'deadLetter', () => {})
  t.throws(() => listen('deadletter'), {
    instanceOf: InvalidOptionError,
    message: /^event: expected one of 'attemptFailed', .*, got 'deadletter'; did you mean 'deadLetter'\?$/,
  })
  t.throws(() => listen('error'), { message: /^event: expected one of .*, got 'error'$/ })
  t.throws(() => listen(Symbol('deadLetter')), { message: /^event: .*, got Symbol\(deadLetter\)$/ })
})

test('an unknown option is refused, with a suggestion where one is close', (t) => {
  const make = (options: object): unknown =>
    new ProducerConsumerSystem({ handler: noop(), ...options } as never)
  t.throws(() => make({ consumer: 5 }), {
    message: /^consumer: expected no option but producers, .*, got 5; did you mean 'consumers'\?$/,
  })
  t.throws(() => make({ Capacity: 5 }), { message: /did you mean 'capacity'\?$/ })
  t.throws(() => make({ colour: 'red' }), { message: /^colour: .*, got 'red'$/ })
})

test('options that are no object', (t) => {
  for (const options of [undefined, null, 5, 'options', [], () => {}]) {
    t.throws(() => new ProducerConsumerSystem(options as never), {
      instanceOf: InvalidOptionError,
      message: /^options: expected an object, got /,
    })
  }
})

const SPANS: unknown[] = [
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 31,
  '5',
  null,
  [],
  [1],
  [5, 1],
  [1, 2, 3],
  [-1, 1],
  [1, '2'],
]
const SPAN = /^ms, or a range \[min, max\] of ms, from 0 to 2147483647$/

const ALGORITHM = /^one of 'sha256', 'blake3', 'xxh3'$/

interface BadCall extends Bad {
  call: (value: never) => unknown
}

const CALLS: Record<string, BadCall[]> = {
  'sequence()': [
    {
      option: 'of',
      call: (of) => sequence({ of }),
      expected: /^one of 'name', 'number', 'bytes'$/,
      values: ['names', 5, null],
    },
    {
      option: 'size',
      call: (size) => sequence({ size }),
      expected: /^an integer from 0 to 1073741824$/,
      values: [-1, 0.5, 2 ** 31, '5', null],
    },
    {
      option: 'limit',
      call: (limit) => sequence({ limit }),
      expected: /^an integer from 0 to 9007199254740991$/,
      values: [-1, 0.5, Number.POSITIVE_INFINITY, Number.NaN, '5', null],
    },
    { option: 'delay', call: (delay) => sequence({ delay }), expected: SPAN, values: SPANS },
  ],
  'lines()': [
    {
      option: 'paths',
      call: (path) => lines(path),
      expected: /^a path: /,
      values: ['', 'a\0b', 5, null, undefined, {}, new URL('https://example.com/'), new Uint8Array(0)],
    },
    { option: 'paths', call: (paths) => lines(paths), expected: /^at least one path$/, values: [[]] },
    { option: 'paths[1]', call: (path) => lines(['a', path]), expected: /^a path: /, values: ['', 5, null] },
    {
      option: 'encoding',
      call: (encoding) => lines('a', { encoding }),
      expected: /^one of 'utf8', 'buffer'$/,
      values: ['latin1', 'UTF8', 5, null],
    },
    {
      option: 'key.column',
      call: (column) => lines('a', { key: { column } as KeyColumn }),
      expected: /^an integer from 0 to 4294967295$/,
      values: [-1, 0.5, 2 ** 32, '1', null, undefined],
    },
    {
      option: 'key.delimiter',
      call: (delimiter) => lines('a', { key: { column: 0, delimiter } as KeyColumn }),
      expected: /^one ASCII character, and no line end$/,
      values: ['', '\n', '\r', ', ', 'ä', 44, null],
    },
  ],
  'files()': [
    {
      option: 'root',
      call: (root) => files(root),
      expected: /^a path: /,
      values: ['', 5, null, undefined, {}, ['a']],
    },
    {
      option: 'glob',
      call: (glob) => files('.', { glob }),
      expected: /^a pattern, or an array of patterns$/,
      values: ['', 5, null, [''], [5]],
    },
    {
      option: 'hidden',
      call: (hidden) => files('.', { hidden }),
      expected: /^true or false$/,
      values: [1, 'no', null],
    },
    {
      option: 'ignore',
      call: (ignore) => files('.', { ignore }),
      expected: /^true or false$/,
      values: [1, '.gitignore', null],
    },
    {
      option: 'encoding',
      call: (encoding) => files('.', { encoding }),
      expected: /^one of 'utf8', 'buffer'$/,
      values: ['ascii', null],
    },
    {
      option: 'key',
      call: (key) => files('.', { key: key as 'directory' }),
      expected: /^'directory'$/,
      values: ['path', true, null, () => 'a'],
    },
  ],
  'sleep()': [{ option: 'ms', call: (ms) => sleep(ms), expected: SPAN, values: [...SPANS, undefined] }],
  'hash()': [
    {
      option: 'algorithm',
      call: (algorithm) => hash(algorithm),
      expected: ALGORITHM,
      values: ['md5', 'SHA256', 256, null, undefined],
    },
  ],
  'hashFile()': [
    {
      option: 'algorithm',
      call: (algorithm) => hashFile(algorithm),
      expected: ALGORITHM,
      values: ['md5', null],
    },
    {
      option: 'encoding',
      call: (encoding) => hashFile('xxh3', { encoding }),
      expected: /^one of 'utf8', 'buffer'$/,
      values: ['hex', null],
    },
  ],
}

for (const [what, calls] of Object.entries(CALLS)) {
  test(`bad values for ${what}`, (t) => {
    for (const { option, call, expected, values } of calls) {
      for (const value of values) assertRefused(t, () => call(value as never), { option, expected })
    }
  })
}

test('unknown options of sources and handlers are refused', (t) => {
  const calls: [() => unknown, RegExp][] = [
    [() => sequence({ off: 'name' } as SequenceOptions), /^sequence\(\)\.off: .*did you mean 'of'\?$/],
    [() => lines('a', { encodings: 'utf8' } as never), /^lines\(\)\.encodings: .*did you mean 'encoding'\?$/],
    [() => files('.', { globs: '*' } as never), /^files\(\)\.globs: .*did you mean 'glob'\?$/],
    [() => hashFile('xxh3', { raw: true } as never), /^hashFile\(\)\.raw: /],
  ]
  for (const [call, message] of calls) t.throws(call, { instanceOf: InvalidOptionError, message })
  t.throws(() => hash('sha265' as HashAlgorithm), { message: /did you mean 'sha256'\?$/ })
})

test('what only a look at the file system shows is refused before anything starts', async (t) => {
  const folder = await temporaryFolder(t)
  const make = (source: unknown): unknown => new ProducerConsumerSystem({ source, handler: noop() } as never)
  const cases: [source: unknown, option: string, code?: string][] = [
    [lines(`${folder}/missing.txt`), 'paths', 'ENOENT'],
    [lines(folder), 'paths'],
    [files(`${folder}/missing`), 'root', 'ENOENT'],
    [files(new URL(import.meta.url)), 'root'],
    [files(folder, { glob: '[a' }), 'glob'],
  ]
  for (const [source, option, code] of cases) {
    const error = t.throws<InvalidOptionError>(() => make(source), {
      instanceOf: InvalidOptionError,
      code: 'ERR_MILLRACE_INVALID_OPTION',
    })
    t.is(error?.option, option)
    t.is((error?.cause as { code: string } | undefined)?.code, code)
  }
})

test('a valid span is taken', (t) => {
  for (const span of [0, 1.5, [0, 0], [1, 2]] as Span[]) t.notThrows(() => sleep(span))
})

interface Refusal {
  option: string
  expected: RegExp
  received?: unknown
}

function assertRefused(t: import('ava').ExecutionContext, call: () => unknown, refusal: Refusal): void {
  const error = t.throws<InvalidOptionError>(call, {
    instanceOf: InvalidOptionError,
    code: 'ERR_MILLRACE_INVALID_OPTION',
    name: 'InvalidOptionError',
  })
  t.is(error?.option, refusal.option)
  t.regex(error?.expected ?? '', refusal.expected)
  t.true(error?.message.startsWith(`${refusal.option}: expected ${error.expected}, got `))
  if ('received' in refusal) t.is(error?.received, refusal.received)
}
