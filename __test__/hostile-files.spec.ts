/** Trees and files that are not what one hopes for, or don't stay what they were. */

import { execFileSync } from 'node:child_process'
import { appendFileSync, ftruncateSync, openSync } from 'node:fs'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import {
  files,
  hashFile,
  InvalidOptionError,
  lines,
  type MillraceError,
  ProducerConsumerSystem,
  type Report,
  type Source,
  SourceError,
} from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { assertSaid, runProgram } from './helpers/program.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

/** What a source gave, and the codes of what it could not give. */
async function settle<T>(
  t: ExecutionContext,
  source: Source<T>,
): Promise<{ items: T[]; letters: [item: unknown, code: string][]; report: Report<T> }> {
  const items: T[] = []
  const letters: [unknown, string][] = []
  const system = new ProducerConsumerSystem({ source, handler: (item: T) => void items.push(item) })
  system.on('deadLetter', ({ item, error }) => letters.push([item, (error as MillraceError).code]))
  await system.start()
  const report = await system.finished
  assertConservation(t, report)
  t.is(report.processed, items.length)
  t.is(report.deadLettered, letters.length)
  return { items, letters, report }
}

/** A path below `folder` by its bytes. */
const below = (folder: string, ...name: number[]) =>
  Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)])

async function makeTree(t: ExecutionContext): Promise<string> {
  const root = await temporaryFolder(t)
  await mkdir(join(root, 'sub'))
  await writeFile(join(root, 'sub', 'plain'), 'x')
  await writeFile(below(root, 0xff, 0x0a, 0xfe), 'y')
  await symlink('loop', join(root, 'loop'))
  await symlink('..', join(root, 'sub', 'up'))
  await symlink('/dev/zero', join(root, 'endless'))
  execFileSync('mkfifo', [join(root, 'fifo')])
  const server = createServer().listen(join(root, 'socket'))
  t.teardown(() => server.close())
  // Only root may.
  if (process.getuid?.() === 0) execFileSync('mknod', [join(root, 'device'), 'c', '1', '5'])
  return root
}

test('a tree with loops, FIFOs, sockets and devices gives its files, and waits for nothing', async (t) => {
  const root = await makeTree(t)
  const { items } = await settle(t, files(root))
  t.deepEqual([...items].sort(), [join(root, 'sub', 'plain'), `${root}/\ufffd\n\ufffd`].sort())
})

test('a name that is no UTF-8 comes as its bytes, by which the file can be opened', async (t) => {
  const root = await makeTree(t)
  const name = below(root, 0xff, 0x0a, 0xfe)
  const { items } = await settle(t, files(root, { glob: '*[!n]', encoding: 'buffer' }))
  t.deepEqual(
    items.map((item) => Buffer.from(item)),
    [name],
  )
  const { items: content } = await settle(t, lines(items))
  t.deepEqual(content, ['y'])
  const system = new ProducerConsumerSystem({ source: files(root), handler: hashFile('xxh3'), results: true })
  await system.start()
  // Natively a name travels as its bytes all the way.
  t.is((await system.finished).processed, 2)
})

test('what is no file that can be read is refused or fails, and never waited for', async (t) => {
  const root = await makeTree(t)
  const CODES: Record<string, string> = {
    fifo: 'ERR_MILLRACE_NOT_A_FILE',
    socket: 'ENXIO',
    endless: 'ERR_MILLRACE_NOT_A_FILE',
    sub: 'ERR_MILLRACE_NOT_A_FILE',
    loop: 'ELOOP',
    'sub/up/sub/up': 'ERR_MILLRACE_NOT_A_FILE',
    'sub/plain/x': 'ENOTDIR',
    'with\0NUL': 'ERR_MILLRACE_IO',
    ['x'.repeat(300)]: 'ENAMETOOLONG',
    none: 'ENOENT',
  }
  const letters: Record<string, string> = {}
  const system = new ProducerConsumerSystem({
    source: [...Object.keys(CODES), ...Object.keys(CODES)].map((name) => `${root}/${name}`),
    handler: hashFile('sha256'),
  })
  system.on('deadLetter', ({ item, error }) => {
    letters[item.slice(root.length + 1)] = (error as MillraceError).code
  })
  await system.start()
  const report = await system.finished
  assertConservation(t, report)
  t.deepEqual(letters, CODES)
  t.is(report.deadLettered, 2 * Object.keys(CODES).length)
  const refused = (source: Source<string>, message: RegExp) =>
    t.throws(() => new ProducerConsumerSystem({ source, handler: () => {} }), {
      instanceOf: InvalidOptionError,
      message,
    })
  for (const name of ['fifo', 'socket', 'loop', 'endless', 'sub/plain', 'none'])
    refused(files(join(root, name)), /^root: expected a directory that can be read, got /)
  for (const name of ['socket', 'loop', 'sub', 'none'])
    refused(lines(join(root, name)), /^paths: expected files that can be read, got /)
})

test('what may not be read is refused, or a dead letter, and the rest goes on', async (t) => {
  const root = await temporaryFolder(t)
  for (const name of ['open', 'locked']) {
    await mkdir(join(root, name))
    await writeFile(join(root, name, 'file'), '')
  }
  await writeFile(join(root, 'secret'), '')
  await chmod(join(root, 'secret'), 0)
  await chmod(join(root, 'locked'), 0)
  await chmod(root, 0o755)
  const ended = await runProgram(
    t,
    `const root = ${JSON.stringify(root)}
    // The superuser may read everything.
    if (process.getuid() === 0) process.setuid(65534)
    const outcome = async (source, handler) => {
      const letters = []
      let system
      try { system = new ProducerConsumerSystem({ source, handler }) } catch ({ code, cause }) { return code + ' ' + cause.code }
      system.on('deadLetter', ({ item, error }) => letters.push(item.slice(root.length) + ' ' + error.code))
      await system.start()
      const { processed } = await system.finished
      return processed + ' ' + letters.sort()
    }
    const { hashFile } = await import(library)
    console.log([
      await outcome(files(root), () => {}),
      await outcome(files(root), hashFile('xxh3')),
      await outcome(files(root + '/locked'), () => {}),
      await outcome(lines(root + '/secret'), () => {}),
    ].join('\\n'))`,
  )
  const expected = [
    '2 /locked EACCES',
    '1 /locked EACCES,/secret EACCES',
    'ERR_MILLRACE_INVALID_OPTION EACCES',
    'ERR_MILLRACE_INVALID_OPTION EACCES',
  ]
  assertSaid(t, ended, expected.join('\n'))
})

/** Makes, moves and removes files and folders below `root` until the first of `gate` is no longer 0. */
const CHURN = `
  const { workerData: { root, gate } } = require('node:worker_threads')
  const fs = require('node:fs')
  const attempt = (act) => { try { act() } catch {} }
  for (let n = 0; Atomics.load(gate, 0) === 0; n = (n + 1) % 50) {
    attempt(() => fs.mkdirSync(root + '/d' + n))
    attempt(() => fs.writeFileSync(root + '/d' + n + '/f', ''))
    attempt(() => fs.renameSync(root + '/d' + n, root + '/e' + n))
    attempt(() => fs.rmSync(root + '/d' + (n + 25) % 50, { recursive: true }))
    attempt(() => fs.rmSync(root + '/e' + (n + 25) % 50, { recursive: true }))
    attempt(() => fs.writeFileSync(root + '/d' + (n + 25) % 50, ''))
    Atomics.add(gate, 1, 1)
  }`

test('of a tree that changes meanwhile, what stays is found once, and what is gone is a dead letter at most', async (t) => {
  const root = await temporaryFolder(t)
  const stable: string[] = []
  for (let n = 0; n < 40; n++) {
    await mkdir(join(root, `s${n}`))
    stable.push(join(root, `s${n}`, 'file'))
    await writeFile(stable[n] as string, '')
  }
  const gate = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(CHURN, { eval: true, workerData: { root, gate } })
  const exited = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  const codes = new Set<string>()
  for (let round = 0; round < 40 || Atomics.load(gate, 1) < 100; round++) {
    const { items, letters } = await settle(t, files(root))
    for (const [, code] of letters) codes.add(code)
    const found = items.filter((item) => item.startsWith(`${root}/s`)).sort()
    t.deepEqual(found, [...stable].sort())
  }
  Atomics.store(gate, 0, 1)
  await exited
  t.deepEqual(
    [...codes].filter((code) => !['ENOENT', 'ENOTDIR'].includes(code)),
    [],
  )
  t.log(`${Atomics.load(gate, 1)} changes, ${[...codes].join() || 'no'} dead letters`)
})

/** 64 MB, of which the first lines are handled long before the last are read. */
async function longFile(t: ExecutionContext): Promise<string> {
  const path = join(await temporaryFolder(t), 'file')
  await writeFile(path, `${'x'.repeat(65_535)}\n`.repeat(1024))
  return path
}

test('a file cut short while its lines are read ends the source, and what was read is settled', async (t) => {
  const path = await longFile(t)
  const descriptor = openSync(path, 'r+')
  let handled = 0
  const system = new ProducerConsumerSystem({
    capacity: 10,
    source: lines(path),
    handler: () => {
      if (handled++ === 0) ftruncateSync(descriptor, 100)
    },
  })
  await system.start()
  const error = await t.throwsAsync<SourceError>(system.finished, { instanceOf: SourceError })
  t.is((error?.cause as MillraceError | undefined)?.code, 'ERR_MILLRACE_FILE_CHANGED')
  assertConservation(t, (error as SourceError).report)
  t.is(error?.report.processed, handled)
})

test('a file that grows for ever ends where it ended at first', async (t) => {
  const path = join(await temporaryFolder(t), 'file')
  await writeFile(path, 'line\n'.repeat(1000))
  let handled = 0
  const system = new ProducerConsumerSystem({
    capacity: 10,
    source: lines(path),
    handler: () => {
      handled++
      appendFileSync(path, 'more\n'.repeat(10))
    },
  })
  await system.start()
  assertConservation(t, await system.finished)
  t.is(handled, 1000)
})
