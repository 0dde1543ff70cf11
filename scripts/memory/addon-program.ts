/** Uses what the binding has, for `addon.ts` to watch: every kind of item, every way to send and receive, and every end. */
import { Worker } from 'node:worker_threads'
import { Channel, noop, ProducerConsumerSystem, select, sequence } from '../../src/index.js'

const ITEMS = [
  1,
  'text',
  'text beyond ASCII: é 漢 😀',
  { an: 'object', of: [1, 2] },
  new Uint8Array(100).fill(1),
  new Uint8Array(100_000).fill(2),
  undefined,
]

async function channels(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    using channel = new Channel<unknown>({ capacity: 20, priorities: 2 })
    const attached = Channel.attach(channel.token)
    for (const item of ITEMS) await channel.send(item)
    await channel.sendMany(ITEMS, { key: 'a' })
    for (const _ of ITEMS) await attached.receive()
    await attached.receiveMany(3)
    const lease = await attached.lease()
    if (round % 2) lease.settle()
    else lease.retry()
    await select([attached.receiving(), new Channel().receiving()])
    for await (const _ of attached) break
    await channel.receive({ timeout: 1 }).catch(() => {})
    if (round % 3 === 0) channel.abort()
    else channel.close()
  }
}

async function systems(): Promise<void> {
  await using native = new ProducerConsumerSystem({
    ...{ producers: 2, consumers: 2, source: sequence({ limit: 200 }), handler: noop() },
  })
  await native.start()
  await native.finished
  await using callback = new ProducerConsumerSystem<number, number>({
    handler: (item) => {
      if (item % 10 === 0) throw new Error('every tenth')
      return 2 * item
    },
    retry: { attempts: 2 },
  })
  callback.on('deadLetter', () => {})
  await callback.start()
  for (let item = 1; item <= 50; item++) await callback.run(item).catch(() => {})
  await callback.stop()
}

async function worker(): Promise<void> {
  const channel = new Channel<number>({ capacity: 4 })
  const library = new URL('../../src/index.js', import.meta.url).href
  const source = `import { workerData } from 'node:worker_threads'
    const { Channel } = await import(${JSON.stringify(library)})
    const channel = Channel.attach(workerData)
    for (let n = 0; n < 50; n++) channel.sendSync(n)
    await channel.lease()
    process.exit()`
  const ended = new Promise((resolve) => {
    const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
    new Worker(url, { workerData: channel.token }).on('exit', resolve)
  })
  for (let n = 0; n < 49; n++) await channel.receive()
  await ended
  channel.abort()
}

await channels()
await systems()
await worker()
for (let n = 0; n < 5; n++) {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}
console.log('all came through')
