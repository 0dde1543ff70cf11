import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import { millrace, Running, statsIn } from './helpers/cli.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

/** A folder with a file of five lines, and a module that handles them. */
async function folderWith(t: ExecutionContext, module: string): Promise<string> {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'input'), 'a\nb\nc\nd\nzwölf\n')
  await writeFile(join(cwd, 'handler.mjs'), module)
  return cwd
}

const ARGS = ['--lines', 'input', '--handler', 'handler.mjs']

test('results are printed as one JSON value a line', async (t) => {
  const cwd = await folderWith(t, 'export default (line) => ({ line, length: line.length })')
  const { code, stdout, stderr } = await millrace(t, ARGS, { cwd })
  t.is(code, 0)
  const results = Buffer.from(stdout, 'latin1').toString().trimEnd().split('\n').sort()
  t.deepEqual(
    results,
    ['a', 'b', 'c', 'd', 'zwölf'].map((line) => JSON.stringify({ line, length: line.length })),
  )
  t.regex(stderr, /^items +5 produced = 5 processed/m)
})

test('an undefined result prints nothing, and null does', async (t) => {
  const cwd = await folderWith(t, "export default (line) => (line === 'a' ? null : undefined)")
  t.is((await millrace(t, ARGS, { cwd })).stdout, 'null\n')
})

test('a handler may be asynchronous, and gets a context', async (t) => {
  const cwd = await folderWith(
    t,
    'export default async (line, { attempt, signal }) => [attempt, signal.aborted]',
  )
  t.is((await millrace(t, ARGS, { cwd })).stdout, '[1,false]\n'.repeat(5))
})

test('a handler that throws or rejects fails its item, and nothing else', async (t) => {
  const cwd = await folderWith(
    t,
    `export default (line) => {
      if (line === 'b') throw new Error('no b')
      if (line === 'c') return Promise.reject(new TypeError('no\\nc'))
      return line
    }`,
  )
  const { code, stdout, stderr } = await millrace(t, ARGS, { cwd })
  t.is(code, 1)
  t.deepEqual(Buffer.from(stdout, 'latin1').toString().trimEnd().split('\n').sort(), [
    '"a"',
    '"d"',
    '"zwölf"',
  ])
  t.regex(stderr, /^millrace: b: no b$/m)
  t.regex(stderr, /^millrace: c: no\\nc$/m)
  t.regex(stderr, /^items +5 produced = 3 processed \+ 2 dead-lettered$/m)
})

test('--quiet leaves the problems on stderr', async (t) => {
  const cwd = await folderWith(t, "export default (line) => { if (line === 'b') throw new Error('no b') }")
  const { code, stderr } = await millrace(t, [...ARGS, '--quiet'], { cwd })
  t.deepEqual([code, stderr], [1, 'millrace: b: no b\n'])
})

test('a result that JSON can not hold is a problem, and the others are printed', async (t) => {
  const cwd = await folderWith(t, "export default (line) => (line === 'b' ? 1n : line.length)")
  const { code, stdout, stderr } = await millrace(t, ARGS, { cwd })
  t.is(code, 1)
  t.is(stdout.length, '1\n'.length * 4)
  t.regex(stderr, /^millrace: a result can't be printed: .*BigInt/m)
})

test('--json takes the place of the results', async (t) => {
  const cwd = await folderWith(
    t,
    "export default (line) => { if (line === 'b') throw new Error('no b'); return line }",
  )
  const ended = await millrace(t, [...ARGS, '--json'], { cwd })
  const stats = statsIn(t, ended)
  t.deepEqual([ended.code, stats.processed, stats.deadLettered], [1, 4, 1])
})

test('what the module leaves open does not keep the program', async (t) => {
  const cwd = await folderWith(t, 'setInterval(() => {}, 1_000); export default (line) => line')
  t.is((await millrace(t, ARGS, { cwd })).code, 0)
})

test('a second interrupt ends a run whose handler never settles', async (t) => {
  const cwd = await folderWith(t, 'export default () => new Promise(() => {})')
  const running = new Running(t, [...ARGS, '--consumers', '2'], { cwd })
  await running.said(/ 3 of 1,000 queued {2}5 produced/)
  running.signal('SIGINT')
  await running.said(/SIGINT: draining, 5 left; again aborts/)
  await running.signalAgain('SIGINT')
  await running.said(/aborted, 5 items left unprocessed/)
  t.is(await running.toExit(), 130)
})

test('a second interrupt says how many results a reader that has stalled did not take', async (t) => {
  const cwd = await folderWith(t, "export default (line) => line.padEnd(1000, '.')")
  await writeFile(join(cwd, 'input'), 'line\n'.repeat(5000))
  const running = new Running(t, [...ARGS, '--quiet'], { cwd })
  // Its stdout is not read: a pipe has room for some, and the channel of results for 1,000.
  await once(running.child.stdout as Readable, 'readable')
  running.signal('SIGINT')
  await running.said(/SIGINT: draining/)
  await running.signalAgain('SIGINT')
  const [, results = ''] = await running.said(
    /aborted, [\d,]+ items? left unprocessed, at most ([\d,]+) results not printed$/m,
  )
  t.true(Number(results.replace(',', '')) >= 1000, results)
  t.is(await running.toExit(), 130)
})

test('a module that never ends loading is told of', async (t) => {
  const cwd = await folderWith(t, 'await new Promise(() => {}); export default (line) => line')
  for (const args of [ARGS, [...ARGS, '--json']]) {
    const { code, stdout, stderr } = await millrace(t, args, { cwd })
    t.is(code, 2)
    t.is(stdout, '')
    t.is(stderr, 'millrace: --handler: handler.mjs does not load: its top-level await never settles\n')
  }
})
