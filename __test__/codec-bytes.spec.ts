import test from 'ava'
import { ProducerConsumerSystem } from '../src/index.js'
import { assertSaid, runProgram } from './helpers/program.js'

/** What a handler is given for `items`, sent as one batch. */
async function receive(items: unknown[]): Promise<unknown[]> {
  const received: unknown[] = []
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => void received.push(item) })
  await system.start()
  await system.sendMany(items)
  await system.stop()
  return received
}

/** What comes of handing `bytes` on as a transfer: a copy, their memory, or a refusal, depending on Node. */
function transfer(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'DataCloneError') return undefined
    throw error
  }
}

const small = (length: number) =>
  Array.from({ length: 200 }, (_, index) => new Uint8Array(length).fill(index))

for (const [what, items] of Object.entries({
  'a few bytes': small(3),
  'many bytes, beyond the pool of Node': small(300),
  'bytes among other items': small(100).flatMap((bytes) => [bytes, 'text', { bytes: 1 }]),
})) {
  test(`transferring one of several small items takes nothing from the others: ${what}`, async (t) => {
    const received = await receive(items)
    const bytes = received.filter((item) => item instanceof Uint8Array)
    t.is(bytes.length, 200)
    t.true(bytes.some((one, index) => index > 0 && one.buffer === bytes[0]?.buffer))
    for (const one of bytes) transfer(one)
    t.deepEqual(received, items)
  })
}

test('nor does it in a report', async (t) => {
  const items = small(10)
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => item })
  await system.sendMany(items)
  const { unprocessed } = await system.stop()
  for (const one of unprocessed as Uint8Array[]) transfer(one)
  t.deepEqual(unprocessed, items)
})

test('what came back together lets its thread and its process end', async (t) => {
  const keeps = `const { Channel } = await import(library)
    const channel = new Channel()
    await channel.sendMany([1, 2, 3].map((n) => new Uint8Array(5000).fill(n)))
    globalThis.kept = channel.abort()`
  const ended = await runProgram(
    t,
    `import { Worker } from 'node:worker_threads'
    const url = new URL('data:text/javascript,' + encodeURIComponent(
      'const library = ' + JSON.stringify(library) + '\\n' + ${JSON.stringify(keeps)}
    ))
    await new Promise((resolve) => new Worker(url).on('exit', resolve))
    ${keeps}
    console.log(kept.length)`,
  )
  assertSaid(t, ended, '3')
})

test('more than 64 KiB arrive in memory of their own, which Node does not transfer either', async (t) => {
  const items = Array.from({ length: 4 }, (_, index) => new Uint8Array(64 * 1024 + 1).fill(index))
  const received = (await receive(items)) as Uint8Array<ArrayBuffer>[]
  t.is(new Set(received.map(({ buffer }) => buffer)).size, items.length)
  for (const [index, bytes] of received.entries()) {
    t.is(bytes.byteOffset, 0)
    t.is(bytes.buffer.byteLength, bytes.length)
    // It belongs to the native side: Node 20 copies it, later ones refuse.
    t.deepEqual(transfer(bytes) ?? items[index], items[index])
    t.deepEqual(bytes, items[index])
    t.deepEqual(transfer(bytes.slice()), items[index])
  }
})

test('bytes inside an object arrive in memory of their own, too', async (t) => {
  const received = (await receive(small(5).map((bytes) => ({ bytes })))) as { bytes: Uint8Array }[]
  for (const [index, { bytes }] of received.entries()) {
    t.deepEqual(transfer(bytes), new Uint8Array(5).fill(index))
    t.is(bytes.length, 0)
  }
})

test('what is sent stays with the sender, and may change', async (t) => {
  const bytes = new Uint8Array(100_000).fill(1)
  const item = { bytes: bytes.subarray(0, 10), list: [1] }
  const received: unknown[] = []
  const system = new ProducerConsumerSystem({ handler: (item: unknown) => void received.push(item) })
  await system.sendMany([bytes, item])
  bytes.fill(2)
  item.list.push(2)
  await system.start()
  await system.stop()
  t.is(bytes.length, 100_000)
  t.deepEqual(received, [new Uint8Array(100_000).fill(1), { bytes: new Uint8Array(10).fill(1), list: [1] }])
})
