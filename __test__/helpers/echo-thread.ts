/** A thread that sends what it receives, in ways that change from item to item. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Channel, type ChannelToken } from '../../src/index.js'
import { type Receive, receiveAll } from './traffic.js'
import type { Echo } from './traffic-check.js'

interface Order {
  from: ChannelToken<unknown>
  to: ChannelToken<unknown>
}

/** Ends with `await using`, or the thread that made it. */
export class EchoThread implements Echo, AsyncDisposable {
  readonly #worker = new Worker(new URL(import.meta.url), { workerData: EchoThread.name })

  async start(from: Channel<unknown>, to: Channel<unknown>): Promise<void> {
    const order: Order = { from: from.token, to: to.token }
    this.#worker.postMessage(order)
    const over = new AbortController()
    const { signal } = over
    try {
      // The first of them also rejects where the thread ends by an error.
      const [problem] = await Promise.race([
        once(this.#worker, 'message', { signal }),
        once(this.#worker, 'exit', { signal }),
      ])
      if (problem !== undefined) throw new Error(`the other thread: ${problem}`)
    } finally {
      over.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}

const RECEIVES: Receive[] = [
  { way: 'receiveMany', max: 7 },
  { way: 'receiveSync', max: 1 },
  { way: 'iterate', max: 20 },
  { way: 'lease', max: 1 },
  { way: 'receiveMany', max: 200 },
  { way: 'tryReceive', max: 1 },
]

async function echo({ from, to }: Order): Promise<void> {
  using source = Channel.attach(from)
  using sink = Channel.attach(to)
  let turn = 0
  await receiveAll(source, RECEIVES, async (received) => {
    const values = received.map(({ value }) => value)
    turn++
    if (turn % 3 === 0) await sink.sendMany(values)
    else if (turn % 3 === 1 && values.length < 9) await Promise.all(values.map((value) => sink.send(value)))
    else for (const value of values) sink.sendSync(value)
  })
  sink.close()
}

if (!isMainThread && workerData === EchoThread.name) {
  parentPort?.on('message', (order: Order) => {
    echo(order).then(
      () => parentPort?.postMessage(undefined),
      (error) => parentPort?.postMessage(error instanceof Error ? error.stack : String(error)),
    )
  })
}
