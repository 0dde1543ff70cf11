// Workers feed each other through two channels. One reads a file and sends its lines, several count the words of each,
// and one adds the counts up; nothing passes through the main thread, which only starts them and prints what comes out.
// Run it with: node build/examples/pipeline.js README.md

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Channel, type ChannelToken } from '../src/index.js' // outside of this repository: 'millrace'

type Words = Record<string, number>

interface Start {
  role: keyof typeof roles
  path: string
  lines: ChannelToken<string>
  counts: ChannelToken<Words>
}

const roles = {
  async read({ path, lines }: Start): Promise<void> {
    const out = Channel.attach(lines)
    for await (const line of createInterface({ input: createReadStream(path) })) await out.send(line)
    out.close()
  },

  async count({ lines, counts }: Start): Promise<void> {
    const out = Channel.attach(counts)
    for await (const line of Channel.attach(lines)) {
      const words: Words = {}
      for (const [word] of line.toLowerCase().matchAll(/\p{L}+/gu)) words[word] = (words[word] ?? 0) + 1
      await out.send(words)
    }
  },

  async add({ counts }: Start): Promise<void> {
    const totals = new Map<string, number>()
    for await (const words of Channel.attach(counts)) {
      for (const [word, count] of Object.entries(words)) totals.set(word, (totals.get(word) ?? 0) + count)
    }
    parentPort?.postMessage(totals)
  },
}

async function main(path: string): Promise<void> {
  const lines = new Channel<string>({ capacity: 64 })
  const counts = new Channel<Words>({ capacity: 64 })
  const start = (role: Start['role']): Worker =>
    new Worker(new URL(import.meta.url), {
      workerData: { role, path, lines: lines.token, counts: counts.token } satisfies Start,
    })
  const adder = start('add')
  const counters = [start('count'), start('count'), start('count')]
  start('read')

  const added = once(adder, 'message')
  // The reader closes `lines`; `counts` has several senders, and ends once they all have.
  await Promise.all(counters.map((counter) => once(counter, 'exit')))
  counts.close()
  const [totals] = (await added) as [Map<string, number>]

  const common = [...totals].sort(([a, m], [b, n]) => n - m || a.localeCompare(b))
  for (const [word, count] of common.slice(0, 5)) console.log(`${count} × ${word}`)
  console.log(`${common.reduce((sum, [, count]) => sum + count, 0)} words, ${common.length} different ones`)
}

if (isMainThread) void main(process.argv[2] ?? 'README.md')
else void roles[(workerData as Start).role](workerData)
