// `run()` behind an HTTP server: each request becomes an item, a worker handles it, and its result is the reply. When
// more requests come than are allowed to wait, they get a 503 at once. On SIGTERM no new ones are accepted, those that
// were are answered, and the program ends. Run it with: node build/examples/http/main.js 8080
//
//   curl 'localhost:8080/key?password=secret&salt=pepper&rounds=200000'
//   curl localhost:8080/stats

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FullError, handlerModule, ProducerConsumerSystem } from '../../src/index.js' // or: 'millrace'
import type { KeyRequest } from './derive-key.js'

interface Reply {
  status: number
  body: unknown
}

const system = new ProducerConsumerSystem({
  handler: handlerModule<typeof import('./derive-key.js')>(new URL('./derive-key.js', import.meta.url)),
  consumers: 2,
  // Two are handled, eight are queued, eight more wait for room; whoever comes then had better come again.
  capacity: 8,
  maxWaiting: 8,
})
const replies = { ok: 0, refused: 0 }
let stopping = false

async function replyTo({ url = '/' }: IncomingMessage): Promise<Reply> {
  if (!URL.canParse(url, 'http://localhost')) return { status: 400, body: { error: 'expected a path' } }
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  if (pathname === '/stats') return { status: 200, body: system.stats() }
  if (pathname !== '/key') return { status: 404, body: { error: `expected /key or /stats, got ${pathname}` } }
  const request = requestOf(searchParams)
  if (request === undefined) return { status: 400, body: { error: 'expected rounds from 1 to 1000000' } }
  try {
    const key = await system.run(request)
    replies.ok++
    return { status: 200, body: { key } }
  } catch (error) {
    if (!(error instanceof FullError)) return { status: 500, body: { error: 'the key could not be derived' } }
    replies.refused++
    return { status: 503, body: { error: 'too many requests wait: try again in a moment' } }
  }
}

function requestOf(parameters: URLSearchParams): KeyRequest | undefined {
  const rounds = Number(parameters.get('rounds') ?? 100_000)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1_000_000) return undefined
  return { password: parameters.get('password') ?? '', salt: parameters.get('salt') ?? '', rounds }
}

const server = createServer(async (request, response) => {
  const { status, body } = await replyTo(request)
  if (stopping) response.setHeader('connection', 'close')
  if (status === 503) response.setHeader('retry-after', '1')
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
})

async function stop(): Promise<void> {
  stopping = true
  server.close()
  const { processed } = await system.stop({ timeout: 10_000 }) // everything that was accepted is answered first
  console.log(`${processed} handled, ${replies.ok} replied, ${replies.refused} refused`)
}

async function main(port: number): Promise<void> {
  await system.start()
  process.once('SIGTERM', () => void stop())
  server.listen(port, '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })
}

void main(Number(process.argv[2] ?? 8080))
