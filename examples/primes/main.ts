// CPU-bound JavaScript in worker threads: the handler is a module, and each consumer runs its function in a thread of
// its own. The same work on one thread, for comparison, holds up everything else there meanwhile.
// Run it with: node build/examples/primes/main.js 5000000

import { performance } from 'node:perf_hooks'
import { handlerModule, ProducerConsumerSystem } from '../../src/index.js' // outside of this repository: 'millrace'
import countPrimes, { type Range } from './count-primes.js'

const STEP = 10_000

function* ranges(end: number): Generator<Range> {
  for (let from = 0; from < end; from += STEP) yield { from, to: Math.min(from + STEP, end) }
}

function onThisThread(end: number): { primes: number; threads: number } {
  let primes = 0
  for (const range of ranges(end)) primes += countPrimes(range)
  return { primes, threads: 1 }
}

async function inWorkers(end: number): Promise<{ primes: number; threads: number }> {
  const system = new ProducerConsumerSystem({
    source: ranges(end),
    // As many consumers as the machine has cores, unless `consumers` says otherwise.
    handler: handlerModule<typeof import('./count-primes.js')>(new URL('./count-primes.js', import.meta.url)),
    results: true,
  })
  await system.start()
  let primes = 0
  for await (const count of system.results()) primes += count
  const { consumers } = await system.finished
  return { primes, threads: consumers.length }
}

async function main(end: number): Promise<void> {
  for (const count of [onThisThread, inWorkers]) {
    const start = performance.now()
    const { primes, threads } = await count(end)
    const ms = Math.round(performance.now() - start)
    console.log(
      `${threads} ${threads === 1 ? 'thread' : 'threads'}: ${primes} primes below ${end} in ${ms} ms`,
    )
  }
}

void main(Number(process.argv[2] ?? 5_000_000))
