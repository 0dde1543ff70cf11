import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import type { SystemStats } from '../src/index.js'
import { assertConservation } from './helpers/conservation.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

const pathOf = (example: string): string => fileURLToPath(new URL(`../examples/${example}`, import.meta.url))

/** What the example prints, to its end. */
function run(example: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [pathOf(example), ...args])
}

test('the main thread feeds workers: each job is done once, in the bounds of the channel', async (t) => {
  const { stdout, stderr } = await run('feed-workers.js', '2000', '3')
  t.is(stderr, '')
  const jobs = [...stdout.matchAll(/^thread \d+: (\d+) jobs$/gm)].map(([, count]) => Number(count))
  t.true(jobs.length >= 1 && jobs.length <= 3)
  t.is(
    jobs.reduce((a, b) => a + b, 0),
    2000,
  )
  t.regex(stdout, /^2000 results, their numbers add up to 2001000$/m)
  const [, most] = /^at most (\d+) of 100 jobs waited$/m.exec(stdout) ?? []
  t.true(Number(most) >= 1 && Number(most) <= 100)
})

test('workers feed each other through two channels: every word is counted', async (t) => {
  const file = join(await temporaryFolder(t), 'text.txt')
  const lines = Array.from(
    { length: 1000 },
    (_, n) => `The mill, the race; ${n % 4 === 0 ? 'Water' : 'wheel'} ${n}`,
  )
  await writeFile(file, lines.join('\n'))
  const { stdout, stderr } = await run('pipeline.js', file)
  t.is(stderr, '')
  t.is(
    stdout,
    '2000 × the\n1000 × mill\n1000 × race\n750 × wheel\n250 × water\n5000 words, 5 different ones\n',
  )
})

test('primes are counted in workers as on one thread', async (t) => {
  const { stdout, stderr } = await run('primes/main.js', '300000')
  t.is(stderr, '')
  const [one, many] = stdout.split('\n')
  t.regex(one ?? '', /^1 thread: 25997 primes below 300000 in \d+ ms$/)
  t.regex(many ?? '', /^\d+ threads?: 25997 primes below 300000 in \d+ ms$/)
})

test('five modules over a folder of logs: every line is in the sums, or was told to be bad', async (t) => {
  const folder = await temporaryFolder(t)
  const [files, perFile] = [200, 25]
  const expected = {
    items: { hits: 0, bytes: 0, errors: 0, slowest: 0 },
    users: { hits: 0, bytes: 0, errors: 0, slowest: 0 },
  }
  const outcomes: Record<string, number> = {}
  await Promise.all(
    Array.from({ length: files }, (_, file) => {
      const lines = Array.from({ length: perFile }, (_, line) => {
        const n = file * perFile + line
        const section = n % 3 === 0 ? 'users' : 'items'
        const status = [200, 200, 304, 404, 500][n % 5] as number
        const sums = expected[section]
        sums.hits++
        sums.bytes += status === 304 ? 0 : n
        if (status === 500) sums.errors++
        sums.slowest = Math.max(sums.slowest, n % 700)
        const outcome = `${Math.floor(status / 100)}xx`
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
        const hour = n % 10 === 0 ? '07' : '19'
        return `10.0.0.${n % 256} - - [24/Nov/2026:${hour}:05:00 +0000] "GET /${section}/${n}?q=1 HTTP/1.1" ${status} ${status === 304 ? '-' : n} ${n % 700}`
      })
      if (file === 42) lines.splice(3, 0, 'no line of a log')
      return writeFile(join(folder, `${String(file).padStart(3, '0')}.log`), `${lines.join('\n')}\n`)
    }),
  )
  await writeFile(join(folder, 'notes.txt'), 'not a log')

  const { stdout, stderr } = await run('logs/main.js', folder)
  const total = files * perFile
  t.is(stderr, '042.log:4: expected a line of an access log, got no line of a log\n')
  const [parsing, enriching, adding, ...sums] = stdout.trimEnd().split('\n')
  t.regex(parsing ?? '', RegExp(`^parsing: ${total} of ${total + 1} lines, 1 bad, at most \\d+ queued$`))
  t.regex(enriching ?? '', RegExp(`^enriching: ${total} of ${total} lines, 0 bad, at most \\d+ queued$`))
  t.regex(adding ?? '', RegExp(`^adding: ${total} of ${total} lines, 0 bad, at most \\d+ queued$`))
  t.deepEqual(sums, [
    ...Object.entries(expected).map(
      ([section, { hits, bytes, errors, slowest }]) =>
        `/${section}: ${hits} hits, ${bytes} bytes, ${errors} errors, slowest ${slowest} ms`,
    ),
    Object.entries(outcomes)
      .sort()
      .map(([outcome, hits]) => `${outcome} ${hits}`)
      .join(', '),
    `busiest hour: 19:00 UTC with ${total * 0.9} hits`,
  ])
})

test('a server replies with what workers made, and what it does not understand it refuses', async (t) => {
  const server = await Server.start(t)
  const asked = await server.get('/key?password=secret&salt=pepper&rounds=1000')
  t.is(asked.status, 200)
  t.deepEqual(JSON.parse(asked.body), {
    key: '691d2160ee13f6d248ecab893a9a89586ee825b27ed14d8e0f7966bb0450e39e',
  })
  t.is((await server.get('/key?rounds=many')).status, 400)
  t.is((await server.get('/other')).status, 404)
  t.is((await server.get('//')).status, 400)
  const stats: SystemStats = JSON.parse((await server.get('/stats')).body)
  t.like(stats, { produced: 1, processed: 1, capacity: 8 })
  assertConservation(t, stats)
  t.is(await server.stop(), '1 handled, 1 replied, 0 refused\n')
})

test('a server that is overloaded says 503 at once, and answers all that it accepted', async (t) => {
  const server = await Server.start(t)
  // Far more than the 18 that it has places for.
  const answers = await Promise.all(
    Array.from({ length: 80 }, (_, n) => server.get(`/key?password=${n}&rounds=100000`)),
  )
  const ok = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(({ status }) => status === 503)
  t.is(ok.length + refused.length, 80)
  t.true(ok.length >= 16, `${ok.length} replied`)
  t.true(refused.length > 0)
  for (const { headers, body } of refused) {
    t.is(headers['retry-after'], '1')
    t.regex(body, /too many requests/)
  }
  t.is(new Set(ok.map(({ body }) => body)).size, ok.length)
  t.is(await server.stop(), `${ok.length} handled, ${ok.length} replied, ${refused.length} refused\n`)
})

test('a server that is told to stop answers what it has, and takes no more', async (t) => {
  const server = await Server.start(t)
  const pending = Array.from({ length: 5 }, () => server.get('/key?rounds=300000'))
  for (;;) {
    const { produced, processed } = JSON.parse((await server.get('/stats')).body)
    if (produced === 5) {
      t.true(processed <= 5)
      break
    }
  }
  const said = server.stop()
  for (const { status } of await Promise.all(pending)) t.is(status, 200)
  t.is(await said, '5 handled, 5 replied, 0 refused\n')
  await t.throwsAsync(server.get('/stats'), { code: 'ECONNREFUSED' })
})

interface Answer {
  status: number | undefined
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** The server of the example, as a program of its own. */
class Server {
  readonly #child: ChildProcess
  readonly #address: string
  readonly #agent = new Agent({ keepAlive: true })
  readonly #rest: Promise<string>

  private constructor(child: ChildProcess, address: string, rest: Promise<string>) {
    this.#child = child
    this.#address = address
    this.#rest = rest
  }

  static async start(t: ExecutionContext): Promise<Server> {
    const child = spawn(process.execPath, [pathOf('http/main.js'), '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const [chunk] = await once(child.stdout, 'data')
    const [, address] = /^listening on (http:\S+)\n$/.exec(String(chunk)) ?? []
    if (address === undefined) throw new Error(`expected an address, got ${chunk}`)
    return new Server(child, address, text(child.stdout))
  }

  async get(path: string): Promise<Answer> {
    const request = get(`${this.#address}${path}`, { agent: this.#agent })
    const [response] = await once(request, 'response')
    return { status: response.statusCode, headers: response.headers, body: await text(response) }
  }

  /** Sends SIGTERM, and waits for its end; what it said last. */
  async stop(): Promise<string> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const [code, signal] = await exited
    if (code !== 0) throw new Error(`expected exit code 0, got ${code ?? signal}`)
    return this.#rest
  }
}
