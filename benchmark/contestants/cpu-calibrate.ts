/** Prints how many steps of `spin` take 1 ms in a worker thread that nothing disturbs: the best of many tries. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { spin } from './cpu-handler.js'

const STEPS = 100_000
const TRIES = 500

if (isMainThread) {
  new Worker(new URL(import.meta.url)).once('message', (steps: number) =>
    console.log(JSON.stringify({ steps })),
  )
} else {
  let shortest = Infinity
  for (let n = 0; n < TRIES; n++) {
    const start = performance.now()
    if (spin(n, STEPS) !== n) throw new Error(`expected ${n} after as many steps back as forth`)
    shortest = Math.min(shortest, performance.now() - start)
  }
  parentPort?.postMessage(Math.round(STEPS / shortest))
}
