// The main thread feeds workers through a channel: they take from it as they are free, and what they make comes back
// through another one. Both hold at most 100 items, so whoever is too fast waits, and memory stays flat however many
// jobs there are. Run it with: node build/examples/feed-workers.js 10000 4

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { isMainThread, threadId, Worker, workerData } from 'node:worker_threads'
import { Channel, type ChannelToken } from '../src/index.js' // outside of this repository: 'millrace'

interface Job {
  n: number
  text: string
}

interface Done {
  n: number
  digest: string
  thread: number
}

interface Tokens {
  jobs: ChannelToken<Job>
  results: ChannelToken<Done>
}

async function main(count: number, threads: number): Promise<void> {
  const jobs = new Channel<Job>({ capacity: 100 })
  const results = new Channel<Done>({ capacity: 100 })
  const tokens: Tokens = { jobs: jobs.token, results: results.token }
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL(import.meta.url), { workerData: tokens }),
  )
  // Nobody sends results any more once all workers have ended.
  void Promise.all(workers.map((worker) => once(worker, 'exit'))).then(() => results.close())
  void feed(jobs, count)

  const share = new Map<number, number>()
  let sum = 0
  for await (const { n, thread } of results) {
    share.set(thread, (share.get(thread) ?? 0) + 1)
    sum += n
  }
  for (const [thread, items] of share) console.log(`thread ${thread}: ${items} jobs`)
  console.log(`${[...share.values()].reduce((a, b) => a + b, 0)} results, their numbers add up to ${sum}`)
  console.log(`at most ${jobs.stats().peakQueued} of ${jobs.capacity} jobs waited`)
}

async function feed(jobs: Channel<Job>, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await jobs.send({ n, text: `job number ${n}` }) // waits while 100 are in it
  jobs.close() // what is in it is still received; then every worker gets the end
}

async function work({ jobs, results }: Tokens): Promise<void> {
  const out = Channel.attach(results)
  for await (const { n, text } of Channel.attach(jobs)) {
    await out.send({ n, digest: createHash('sha256').update(text).digest('hex'), thread: threadId })
  }
}

if (isMainThread) void main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 4))
else void work(workerData)
