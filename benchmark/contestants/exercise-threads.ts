/** What the machine makes of the sleeps: as many worker threads as consumers, which do nothing else. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { add, arrived, items } from './contest.js'
import { CONSUMERS, HANDLING, noteSleep, printShare } from './exercise.js'

interface Data {
  next: Int32Array
  items: number
}

if (isMainThread) await lead()
else work(workerData as Data)

async function lead(): Promise<void> {
  const data: Data = { next: new Int32Array(new SharedArrayBuffer(4)), items }
  const workers = Array.from(
    { length: CONSUMERS },
    () => new Worker(new URL(import.meta.url), { workerData: data }),
  )
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const start = performance.now()
  const done = workers.map((worker) => once(worker, 'message') as Promise<[Map<number, number>]>)
  for (const worker of workers) worker.postMessage('begin')
  const slept = await Promise.all(done)
  const took = performance.now() - start
  for (const [sleeps] of slept) {
    for (const [value, ms] of sleeps) {
      noteSleep(ms)
      add(value)
    }
  }
  printShare(arrived, took)
}

/** Takes numbers from a shared counter, so that no thread ends long before the others, and sleeps for each. */
function work({ next, items }: Data): void {
  const never = new Int32Array(new SharedArrayBuffer(4))
  const sleeps = new Map<number, number>()
  const [shortest, longest] = HANDLING
  parentPort?.once('message', () => {
    for (let value = Atomics.add(next, 0, 1); value < items; value = Atomics.add(next, 0, 1)) {
      const ms = shortest + Math.random() * (longest - shortest)
      Atomics.wait(never, 0, 0, ms)
      sleeps.set(value, ms)
    }
    parentPort?.postMessage(sleeps)
  })
  parentPort?.postMessage('ready')
}
