/** `node exiting.js PLAN`: a process with much under way that ends at one moment, in one way. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'
import { untilEnd } from './jobs.js'
import { Ledger } from './ledger.js'
import { leaveOpen } from './open.js'
import { type Ending, Place, Progress, type WorkerPlan } from './place.js'
import { type ExitPlan, type JobName, type Moment, PLANNED } from './plans.js'

/** An end by a count of items that don't come any more is made by a timer, after so many ms. */
const LATEST = 300

const WORKER = new URL('./worker.js', import.meta.url)

await run(JSON.parse(process.argv[2] as string))

async function run(plan: ExitPlan): Promise<void> {
  if (plan.end === 'open') return await leaveOpen(plan.seed)
  const channels = {
    flow: new Channel({ capacity: 50 }),
    full: new Channel({ capacity: 1 }),
    empty: new Channel(),
  }
  await channels.full.send('the only one')
  const ledger = new Ledger(2 ** 20)
  const inWorker = plan.end === 'worker exit' || plan.end === 'worker throw'
  const begun: Progress[] = []
  let over = false
  const end = (): void => {
    if (over) return
    over = true
    endBy(plan, place)
  }
  const due = (): boolean => !inWorker && plan.moment.by === 'items' && ledger.passed >= plan.moment.count
  const place = new Place(channels, ledger, plan.seed, () => {
    if (due()) end()
  })
  const start = (job: JobName, nth: number, ending?: Ending): Worker => {
    const tokens = {
      flow: channels.flow.token,
      full: channels.full.token,
      empty: channels.empty.token,
    } as WorkerPlan['tokens']
    const progress = new Progress()
    begun.push(progress)
    const workerData: WorkerPlan = {
      job,
      seed: plan.seed + nth,
      tokens,
      memory: ledger.memory,
      progress: progress.memory,
      ...(ending && { ending }),
    }
    return new Worker(WORKER, { workerData })
  }

  const [first, ...others] = plan.workers
  others.forEach((job, index) => {
    start(job, index + 1)
  })
  const goOn = (): void => {
    for (const job of plan.main) void untilEnd(job, place)
  }
  if (!inWorker) goOn()
  else {
    const by =
      plan.end === 'worker exit' ? ({ by: 'exit', code: plan.code + 1 } as const) : ({ by: 'throw' } as const)
    const worker = start(first ?? 'send', 0, { after: 1 + (plan.moment.count % 100), ...by })
    const exited = plan.end === 'worker exit' ? once(worker, 'exit') : undefined
    // Before there are no more items that it could end among.
    while (begun.at(-1)?.count === 0) await new Promise(setImmediate)
    goOn()
    if (!exited) return
    // The exit of a worker is that of its thread alone.
    const [code] = await exited
    if (code !== plan.code + 1)
      throw new Error(`expected the worker to exit with ${plan.code + 1}, got ${code}`)
    process.exit(plan.code)
  }
  if (first) start(first, 0)
  while (plan.moment.begun && begun.some(({ count }) => count === 0)) await new Promise(setImmediate)
  whenDue(plan.moment, due, end)
}

function whenDue({ by, count }: Moment, due: () => boolean, end: () => void): void {
  if (by === 'busy') {
    setImmediate(() => {
      for (const until = performance.now() + count; performance.now() < until; );
      end()
    })
    return
  }
  setTimeout(end, by === 'timer' ? count : LATEST)
  if (by === 'timer') return
  const look = (): void => {
    if (due()) end()
    else setImmediate(look)
  }
  look()
}

function endBy({ end, code }: ExitPlan, place: Place): void {
  switch (end) {
    case 'exit':
      process.exit(code)
      break
    case 'exit handler':
      // What the library is asked for on the way out it answers as ever.
      process.on('exit', () => {
        place.flow.trySend('late')
        place.flow.close()
        if (!place.flow.closed || place.flow.length > place.flow.capacity) process.exitCode = code + 1
        place.empty.abort()
      })
      process.exit(code)
      break
    case 'throw':
      process.nextTick(() => {
        throw new Error(PLANNED)
      })
      break
    case 'throw later':
      setImmediate(() => {
        throw new Error(PLANNED)
      })
      break
    case 'reject':
      void Promise.reject(new Error(PLANNED))
      break
    case 'SIGTERM':
    case 'SIGINT':
      process.kill(process.pid, end)
      break
    default: {
      const signal = end === 'handled SIGTERM' ? 'SIGTERM' : 'SIGINT'
      process.on(signal, () => void stopAll(place, code))
      // A listener for a signal keeps no process, and there may be nothing else under way.
      setInterval(() => {}, 1000)
      process.kill(process.pid, signal)
    }
  }
}

/** Stops all systems here, which must account for every item, and ends. */
async function stopAll({ systems, flow, full, empty }: Place, code: number): Promise<void> {
  const reports = await Promise.all(systems.map((system) => system.stop({ timeout: 50 })))
  for (const { produced, processed, deadLettered, discarded } of reports) {
    if (produced !== processed + deadLettered + discarded)
      console.log(
        `produced ${produced}, processed ${processed}, dead-lettered ${deadLettered}, discarded ${discarded}`,
      )
  }
  for (const channel of [flow, full, empty]) channel.abort()
  process.exit(code)
}
