/** The like of what `cycles.ts` makes, without the library: promises, bytes and workers. */
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Cycle } from './plans.js'

async function promises(): Promise<void> {
  const items = structuredClone([1, 'two', { three: 3 }, new Uint8Array(20_000), new Uint8Array(20_000)])
  await Promise.all(items.map(async (item) => item))
  new AbortController().abort()
}

async function worker(source: string): Promise<void> {
  const started = new Worker(source, { eval: true })
  await new Promise((resolve) => started.once('exit', resolve))
}

export const make: Record<Cycle, () => Promise<void>> = {
  channels: promises,
  systems: promises,
  workers: () => worker('import("node:v8")'),
  async modules() {
    const { port1, port2 } = new MessageChannel()
    port2.close()
    port1.close()
    await worker('import("node:v8")')
  },
}
