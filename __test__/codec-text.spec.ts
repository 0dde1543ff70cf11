import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import * as fc from 'fast-check'
import { decodeItems, type NativeItems } from '../src/codec/decode.js'
import { type EncodedBlobs, encodeItem, encodeItems } from '../src/codec/encode.js'
import { Kind } from '../src/codec/kind.js'
import { Channel, hash, hashFile, lines, ProducerConsumerSystem } from '../src/index.js'
import { temporaryFolder } from './helpers/temporary-folder.js'

/** Any UTF-16, so that halves of pairs stand alone; Latin-1; ASCII. */
const anyUnits = fc
  .array(fc.oneof(fc.integer({ max: 0xffff, min: 0 }), fc.integer({ min: 0xd800, max: 0xdfff })))
  .map((units) => String.fromCharCode(...units))
const latin1 = fc.array(fc.integer({ min: 0, max: 0xff })).map((units) => String.fromCharCode(...units))
const anyText = fc.oneof(anyUnits, latin1, fc.string(), fc.string({ unit: 'binary' }))

const HASH = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex')

test('any strings arrive as they were, however they are cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ arbitrary: anyText, weight: 9 }, { arbitrary: fc.integer(), weight: 1 }), {
        minLength: 1,
        maxLength: 40,
      }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 1, max: 9 }),
      async (items, takes, sent) => {
        const channel = new Channel<unknown>()
        for (let at = 0; at < items.length; at += sent) await channel.sendMany(items.slice(at, at + sent))
        channel.close()
        const received: unknown[] = []
        for (let n = 0; received.length < items.length; n++)
          received.push(...(await channel.receiveMany(takes[n % takes.length] as number)))
        t.deepEqual(received, items)
      },
    ),
    { numRuns: 300 },
  )
})

test('strings of one call are of the narrowest kind that holds them all', (t) => {
  for (const [items, kind] of [
    [['', 'ascii'], Kind.Latin1],
    [['ascii', 'ümläut', '\x80\xff'], Kind.Latin1],
    [['ascii', 'ümläut', '東京'], Kind.Text16],
    [['\ud800'], Kind.Text16],
    [['x'.repeat(70_000)], Kind.Latin1],
    [['ü'.repeat(70_000)], Kind.Latin1],
    [['京'.repeat(70_000)], Kind.Text16],
  ] as const) {
    const { kinds, ends, bytes, length } = encodeItems(items) as EncodedBlobs
    t.deepEqual([...kinds], [kind])
    const columns: NativeItems = {
      kinds: new Uint8Array(items.length).fill(kind),
      ends: Uint32Array.from(ends),
      bytes: new Uint8Array(bytes.subarray(0, length)),
    }
    t.deepEqual(decodeItems(columns), [...items])
    const last = items[items.length - 1] as string
    t.is(encodeItem(last, 'item').kind, kind)
  }
})

test('much text in one call, and texts longer than what a common string is made of', async (t) => {
  const items = ['a', 'é', '京'].flatMap((one) => [
    ...Array.from({ length: 300 }, (_, n) => one.repeat(n)),
    one.repeat(20_000),
    one.repeat(40_000),
    'end',
  ])
  const channel = new Channel<string>({ capacity: items.length })
  await channel.sendMany(items)
  channel.close()
  const received: string[] = []
  for await (const item of channel) received.push(item)
  t.deepEqual(received, items)
})

test('the hash of a text is that of its UTF-8, whatever it is sent with', async (t) => {
  const texts = ['', 'ascii', 'ümläut', 'Łódź → 東京', '😀'.repeat(1000), 'é'.repeat(1_500_000)]
  // A pair on the border of what is hashed at once.
  for (let n = 0; n < 3; n++) texts.push(`${'x'.repeat(n)}${'😀'.repeat(500_000)}`)
  const system = new ProducerConsumerSystem<string, string>({ handler: hash('sha256') })
  await system.start()
  t.deepEqual(await Promise.all(texts.map((text) => system.run(text))), texts.map(HASH))
  for (const text of texts) t.is(await system.run(text), HASH(text))
  await system.stop()
})

test('a text with a lone surrogate has no hash', async (t) => {
  const system = new ProducerConsumerSystem<string, string>({ handler: hash('sha256') })
  await system.start()
  for (const text of ['\ud800', 'a\udc00', '東\ud800京'])
    await t.throwsAsync(() => system.run(text), { message: /got text with a lone surrogate/ })
  await system.stop()
})

test('paths of any text are hashed', async (t) => {
  const folder = await temporaryFolder(t)
  const paths = ['ascii', 'ümläut', 'Łódź'].map((name) => join(folder, name))
  for (const path of paths) await writeFile(path, path)
  const system = new ProducerConsumerSystem<string, { path: string; digest: string }>({
    handler: hashFile('sha256'),
  })
  await system.start()
  const digests = await Promise.all(paths.map((path) => system.run(path)))
  await system.stop()
  t.deepEqual(
    digests,
    paths.map((path) => ({ path, digest: HASH(path) })),
  )
})

test('lines beyond ASCII, and lines that are no UTF-8, come as JavaScript decodes them', async (t) => {
  const file = join(await temporaryFolder(t), 'lines')
  const parts = [
    ...['ascii', '', 'ümläut', 'Łódź → 東京', '😀', 'x'.repeat(70_000), '京'.repeat(30_000)].map((text) =>
      Buffer.from(text),
    ),
    ...[[0xff], [0xe4, 0xb8], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0x61, 0x80, 0x62]].map(
      (bytes) => Buffer.from(bytes),
    ),
  ]
  // Many, so that chunks are full.
  const all = Array.from({ length: 200 }, () => parts).flat()
  await writeFile(file, Buffer.concat(all.flatMap((part) => [part, Buffer.from('\n')])))
  const received: string[] = []
  const system = new ProducerConsumerSystem({
    source: lines([file]),
    producers: 1,
    handler: (line: string) => void received.push(line),
  })
  await system.start()
  await system.finished
  t.is(received.length, all.length)
  t.true(received.every((line, index) => line === (all[index] as Buffer).toString()))
})
