import { availableParallelism } from 'node:os'
import test from 'ava'
import { runCommandLine } from '../src/cli/command.js'
import type { RunOptions } from '../src/cli/options.js'

async function optionsOf(...args: string[]): Promise<RunOptions> {
  const seen: RunOptions[] = []
  await runCommandLine(args, async (options) => {
    seen.push(options)
  })
  const [options] = seen
  if (!options || seen.length !== 1) throw new Error(`expected one run, got ${seen.length}`)
  return options
}

const EXERCISE: RunOptions = {
  input: { kind: 'exercise', delay: [1, 10], duration: 10_000 },
  work: { kind: 'sleep', time: [5, 20] },
  producers: 10,
  consumers: 5,
  capacity: 1_000,
  json: false,
  quiet: false,
}

test('without options it is the classic exercise, with run or without', async (t) => {
  t.deepEqual(await optionsOf('run'), EXERCISE)
  t.deepEqual(await optionsOf(), EXERCISE)
  t.deepEqual(await optionsOf('--json'), { ...EXERCISE, json: true })
})

test('each flag of the exercise sets its option', async (t) => {
  const sizes = ['--producers', '3', '--consumers', '2', '--capacity', '10', '--quiet']
  t.deepEqual(
    await optionsOf(...sizes, '--duration', '500ms', '--delay', '0', '--work', '1-2', '--limit', '7'),
    {
      input: { kind: 'exercise', delay: 0, duration: 500, limit: 7 },
      work: { kind: 'sleep', time: [1, 2] },
      producers: 3,
      consumers: 2,
      capacity: 10,
      json: false,
      quiet: true,
    },
  )
})

test('a limit takes the place of the default duration', async (t) => {
  const { input } = await optionsOf('--limit', '7')
  t.deepEqual(input, { kind: 'exercise', delay: [1, 10], limit: 7 })
})

test('lines and files use all cores, have no duration, and do nothing unless told', async (t) => {
  const cores = availableParallelism()
  const sizes = { producers: cores, consumers: cores, capacity: 1_000, json: false, quiet: false }
  t.deepEqual(await optionsOf('--lines', 'a', 'b', '--lines', 'c'), {
    input: { kind: 'lines', paths: ['a', 'b', 'c'] },
    work: { kind: 'noop' },
    ...sizes,
  })
  t.deepEqual(await optionsOf('--files', 'dir'), {
    input: { kind: 'files', root: 'dir', glob: [], hidden: true, ignore: false },
    work: { kind: 'noop' },
    ...sizes,
  })
})

test('each flag of files sets its option', async (t) => {
  const { input } = await optionsOf('--files', 'dir', '--glob', '*.ts', '*.js', '--no-hidden', '--ignore')
  t.deepEqual(input, { kind: 'files', root: 'dir', glob: ['*.ts', '*.js'], hidden: false, ignore: true })
  const { input: shown } = await optionsOf('--files', 'dir', '--hidden')
  t.deepEqual(shown, { kind: 'files', root: 'dir', glob: [], hidden: true, ignore: false })
})

test('work, hash and handler say what is done', async (t) => {
  t.deepEqual((await optionsOf('--lines', 'a', '--work', '3')).work, { kind: 'sleep', time: 3 })
  t.deepEqual((await optionsOf('--lines', 'a', '--hash', 'xxh3')).work, { kind: 'hash', algorithm: 'xxh3' })
  t.deepEqual((await optionsOf('--handler', './h.js')).work, { kind: 'module', file: './h.js' })
})

const refusing = test.macro({
  exec: async (t, args: string[], message: string | RegExp) => {
    const error = await t.throwsAsync(optionsOf(...args), { name: 'UsageError', message })
    t.false(error?.message.includes('\n'))
  },
  title: (_, args: string[]) => `refuses ${args.join(' ')}`,
})

test(refusing, ['--frobnicate'], "unknown option '--frobnicate'")
test(refusing, ['--producer', '3'], "unknown option '--producer' (Did you mean --producers?)")
test(refusing, ['walk'], "unknown command 'walk'")
test(refusing, ['run', 'extra'], /^too many arguments for 'run'/)
test(refusing, ['--producers'], "option '--producers <n>' argument missing")
test(
  refusing,
  ['--producers', 'NaN'],
  "option '--producers <n>' argument 'NaN' is invalid. Expected a number.",
)
test(refusing, ['--duration', '-1'], /^option '--duration <time>' argument '-1' is invalid\. Expected a time/)
test(
  refusing,
  ['--delay', '9-1'],
  /^option '--delay <time>' argument '9-1' is invalid\. Expected the smaller/,
)
test(refusing, ['--lines', 'a', '--files', 'b'], 'expected either --lines or --files, got both')
test(refusing, ['--lines', 'a', '--duration', '1'], '--duration is for the exercise only, not for --lines')
test(refusing, ['--files', 'a', '--delay', '1'], '--delay is for the exercise only, not for --files')
test(refusing, ['--files', 'a', '--limit', '1'], '--limit is for the exercise only, not for --files')
test(refusing, ['--glob', '*'], '--glob needs --files')
test(refusing, ['--lines', 'a', '--no-hidden'], '--no-hidden needs --files')
test(refusing, ['--ignore'], '--ignore needs --files')
test(
  refusing,
  ['--hash', 'sha256', '--handler', 'h.js'],
  'expected one of --work, --hash and --handler, got --hash and --handler',
)
