/** What the cores can do: worker threads that call the function and nothing else; a shared counter says what is next. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { arrived, items, modes, print } from './contest.js'
import { STEPS, WARM_UP } from './cpu-handler.js'

interface Data {
  next: Int32Array
  items: number
}

if (isMainThread) await lead()
else await work()

async function lead(): Promise<void> {
  const [threads, steps] = modes
  process.env[STEPS] = steps
  const data: Data = { next: new Int32Array(new SharedArrayBuffer(4)), items }
  const workers = Array.from(
    { length: Number(threads) },
    () => new Worker(new URL(import.meta.url), { workerData: data }),
  )
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const start = performance.now()
  const done = workers.map((worker) => once(worker, 'message') as Promise<[typeof arrived]>)
  for (const worker of workers) worker.postMessage('begin')
  for (const [{ count, sum }] of await Promise.all(done)) {
    arrived.count += count
    arrived.sum += sum
  }
  print(arrived, start)
}

async function work(): Promise<void> {
  const { next, items } = workerData as Data
  const { addWorked, default: handle } = await import('./cpu-handler.js')
  for (let n = 0; n < WARM_UP; n++) handle(n)
  parentPort?.postMessage('ready')
  if (parentPort) await once(parentPort, 'message')
  for (;;) {
    const value = Atomics.add(next, 0, 1)
    if (value >= items) break
    addWorked(handle(value))
  }
  parentPort?.postMessage(arrived)
}
