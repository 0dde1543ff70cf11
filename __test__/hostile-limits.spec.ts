/** What the operating system refuses: files, threads, memory, room on a disk. */

import { closeSync, openSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { millrace } from './helpers/cli.js'
import { assertSaid, type Ended, runBy, runProgram } from './helpers/program.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

/** Runs a system to its end; says what became of it. */
const OUTCOME = `
  const { Channel, hashFile } = await import(library)
  const outcome = async (options) => {
    const letters = new Set()
    try {
      const system = new ProducerConsumerSystem(options)
      system.on('deadLetter', ({ error }) => letters.add(error.code))
      await system.start()
      const { produced, processed, deadLettered } = await system.finished
      return [produced === processed + deadLettered, processed, ...letters].join()
    } catch (error) {
      const { MillraceError } = await import(library)
      return [error instanceof MillraceError, error.code, error.cause?.code].join()
    }
  }`

async function makeTree(t: ExecutionContext): Promise<string> {
  const root = await temporaryFolder(t)
  for (let n = 0; n < 20; n++) {
    await mkdir(join(root, String(n)))
    await writeFile(join(root, String(n), 'file'), '')
  }
  await chmod(root, 0o755)
  return root
}

const MODULE = new URL('modules/plain.js', import.meta.url).href

test('without a file descriptor to be had, each operation fails by itself, and later ones work', async (t) => {
  const root = await makeTree(t)
  const ended = await runBy(
    t,
    ['prlimit', '--nofile=80'],
    `${OUTCOME}
    const fs = await import('node:fs')
    const root = ${JSON.stringify(root)}
    const all = async () => [
      await outcome({ source: files(root), handler() {} }),
      await outcome({ source: lines(root + '/0/file'), handler() {} }),
      await outcome({ source: [root + '/0/file', root + '/1/file'], handler: hashFile('xxh3') }),
      await outcome({ source: [1, 2], handler: new URL(${JSON.stringify(MODULE)}) }),
    ].join(' ')
    const taken = []
    for (;;) try { taken.push(fs.openSync('/dev/null')) } catch { break }
    const without = await all()
    taken.forEach((descriptor) => fs.closeSync(descriptor))
    console.log(without)
    console.log(await all())`,
  )
  assertSaid(
    t,
    ended,
    'true,0,EMFILE true,ERR_MILLRACE_INVALID_OPTION,EMFILE true,0,EMFILE true,ERR_MILLRACE_SPAWN,ERR_WORKER_INIT_FAILED\n' +
      'true,20 true,0 true,2 true,2',
  )
})

/** Systems, and how many threads each needs. */
const SYSTEMS: Record<string, [options: string, threads: number, done: string]> = {
  'a native source': ['source: sequence({ limit: 100 }), producers: 3, handler() {}', 4, 'true,100'],
  'native tasks': [
    'source: sequence({ limit: 100 }), producers: 2, consumers: 2, handler: noop()',
    5,
    'true,100',
  ],
  'a walk': ['source: files(root), producers: 2, handler() {}', 6, 'true,20'],
  retries: [
    `source: [1, 2], handler(n, { attempt }) { if (attempt === 1) throw new Error('once') },
      retry: { attempts: 2, backoff: { type: 'fixed', delay: 5 } }`,
    2,
    'true,2',
  ],
  workers: [`source: [1, 2], consumers: 2, handler: new URL(${JSON.stringify(MODULE)})`, 3, 'true,2'],
}

const REFUSALS = [
  'true,ERR_MILLRACE_SPAWN,',
  'true,ERR_MILLRACE_SPAWN,ERR_WORKER_INIT_FAILED',
  'true,ERR_MILLRACE_SOURCE,ERR_MILLRACE_THREAD',
]

// Only the superuser can become someone who has no other threads.
const asSomeoneElse = process.getuid?.() === 0 ? test : test.skip

for (const [what, [options, threads, done]] of Object.entries(SYSTEMS)) {
  asSomeoneElse(
    `${what}: with any number of threads it is done or refused, and never waits for one`,
    async (t) => {
      const root = await makeTree(t)
      const counts = Array.from({ length: threads + 2 }, (_, spare) => spare)
      const ended = await Promise.all(counts.map((spare) => withThreads(t, spare, what, root, options)))
      const outcomes = ended.map(({ code, signal, stdout }) => [code, signal, stdout.trim()])
      for (const outcome of outcomes)
        t.true(
          [...REFUSALS, done].some((known) => outcome.join() === `0,,${known}`),
          outcome.join(),
        )
      t.true(REFUSALS.includes(outcomes[0]?.[2] as string))
      t.is(outcomes.at(-1)?.[2], done)
    },
  )
}

/** A program that can have `spare` threads more than Node's own, as a user who may still read all files. */
function withThreads(
  t: ExecutionContext,
  spare: number,
  what: string,
  root: string,
  options: string,
): Promise<Ended> {
  // One user for each program: threads are counted by user.
  const user = String(50_000 + 100 * Object.keys(SYSTEMS).indexOf(what) + spare)
  const rights = '+dac_override,+dac_read_search'
  const become = [
    '--reuid',
    user,
    '--regid',
    user,
    '--clear-groups',
    '--inh-caps',
    rights,
    '--ambient-caps',
    rights,
  ]
  return runBy(
    t,
    ['setpriv', ...become],
    `${OUTCOME}
    const root = ${JSON.stringify(root)}
    const { readdirSync } = await import('node:fs')
    // Those that Node starts when they are needed are there now.
    await import('node:fs/promises').then(({ readFile }) => readFile('/dev/null'))
    ${prlimit('nproc', `readdirSync('/proc/self/task').length + ${spare}`)}
    console.log(await outcome({ ${options} }))
    process.exit(0)`,
  )
}

/** Sets a limit of the program itself. */
function prlimit(resource: string, value: string): string {
  return `;(await import('node:child_process')).execFileSync(
    'prlimit', ['--pid', String(process.pid), '--${resource}=' + (${value})])`
}

asSomeoneElse('a rate whose time nobody can count is refused', async (t) => {
  const options = 'rate: { limit: 1, per: 10 }'
  const ended = await withThreads(t, 0, 'a walk', '', `source: [1, 2, 3], handler() {}, ${options}`)
  assertSaid(t, ended, 'true,ERR_MILLRACE_INVALID_OPTION,EAGAIN')
})

test('without memory for a copy of an item its send is refused, and the next one is not', async (t) => {
  const ended = await runProgram(
    t,
    `const { Channel, MillraceError } = await import(library)
    const { readFileSync } = await import('node:fs')
    const channel = new Channel()
    const bytes = new Uint8Array(2 ** 29)
    const [pages] = readFileSync('/proc/self/statm', 'latin1').split(' ')
    // Half of what a copy takes.
    ${prlimit('as', 'pages * 4096 + 2 ** 28')}
    const codes = []
    for (const send of [
      () => channel.send(bytes), () => channel.sendMany([bytes]), async () => channel.trySend(bytes),
    ]) await send().catch((error) => codes.push(error instanceof MillraceError, error.code))
    const system = new ProducerConsumerSystem({ handler() {} })
    for (const send of [
      () => system.send(bytes), () => system.sendMany([bytes]), async () => system.trySend(bytes),
    ]) await send().catch((error) => codes.push(error instanceof MillraceError, error.code))
    await channel.send('next')
    console.log(...new Set(codes), codes.length, channel.length, await channel.receive(), system.stats().produced)`,
  )
  assertSaid(t, ended, 'true ERR_MILLRACE_OUT_OF_MEMORY 12 1 next 0')
})

for (const args of [
  ['--help'],
  ['run', '--limit', '10', '--delay', '0', '--work', '0', '--quiet'],
  ['run', '--limit', '10', '--delay', '0', '--work', '0', '--quiet', '--json'],
  ['run', '--files', '.', '--quiet', '--hash', 'xxh3'],
]) {
  test(`millrace ${args.join(' ')} > /dev/full says that there is no room`, async (t) => {
    const root = await makeTree(t)
    const stdout = openSync('/dev/full', 'w')
    t.teardown(() => closeSync(stdout))
    const { code, stderr } = await millrace(t, args, { stdout, cwd: root })
    t.is(code, 1)
    t.regex(stderr, /^millrace: stdout: ENOSPC: no space left on device, write\n$/)
  })
}
