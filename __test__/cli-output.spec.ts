import { Writable } from 'node:stream'
import test from 'ava'
import { Output } from '../src/cli/output.js'

interface Held {
  chunk: Buffer
  taken: (error?: Error) => void
}

/** A stream that takes a chunk only when the test says so. */
function heldStream(): { stream: Writable; held: Held[] } {
  const held: Held[] = []
  const stream = new Writable({ write: (chunk: Buffer, _, taken) => void held.push({ chunk, taken }) })
  stream.on('error', () => {})
  return { stream, held }
}

function outputTo(stream: Writable, encoding: BufferEncoding = 'utf8'): { output: Output; broken: Error[] } {
  const broken: Error[] = []
  const output = new Output(stream, {
    encoding,
    onBroken: (error) => broken.push(error),
    around: (write) => write(),
  })
  return { output, broken }
}

test('small writes travel as one chunk', async (t) => {
  const { stream, held } = heldStream()
  const { output } = outputTo(stream)
  for (const text of ['a\n', 'b\n', 'ü\n']) t.is(output.write(text), undefined)
  t.is(held.length, 0)
  const flushed = output.flush()
  t.is(held.length, 1)
  held[0]?.taken()
  await flushed
  t.is(held[0]?.chunk.toString(), 'a\nb\nü\n')
})

test('a full chunk leaves at once, and its writer waits until the stream has taken it', async (t) => {
  const { stream, held } = heldStream()
  const { output } = outputTo(stream)
  const written = output.write('x'.repeat(64 * 1024))
  t.is(held.length, 1)
  let waited = false
  const waiting = written?.then(() => {
    waited = true
  })
  await new Promise(setImmediate)
  t.false(waited)
  held[0]?.taken()
  await waiting
  t.true(waited)
})

test('what lingers leaves by itself', async (t) => {
  const chunk = await new Promise<Buffer>((resolve) => {
    void outputTo(new Writable({ write: resolve })).output.write('alone\n')
  })
  t.is(chunk.toString(), 'alone\n')
})

test('latin1 text is written as bytes', async (t) => {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _, taken) => taken(void chunks.push(chunk) as undefined),
  })
  const { output } = outputTo(stream, 'latin1')
  void output.write('\xff\xfe')
  await output.flush()
  t.deepEqual(Buffer.concat(chunks), Buffer.from([0xff, 0xfe]))
})

test('a broken stream is told of once, and what follows is dropped', async (t) => {
  const { stream, held } = heldStream()
  const { output, broken } = outputTo(stream)
  void output.write('a')
  const first = output.flush()
  void output.write('b')
  const second = output.flush()
  held[0]?.taken(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
  await Promise.all([first, second])
  t.is(output.write('x'.repeat(64 * 1024)), undefined)
  await output.flush()
  t.deepEqual(
    broken.map((error) => error.message),
    ['write EPIPE'],
  )
  t.is(held.length, 1)
})
