/** `node terminating.js PLAN`: workers that are terminated at random moments, while others go on with the same channels. */
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'
import { Random } from '../../helpers/random.js'
import { untilEnd } from './jobs.js'
import { Ledger } from './ledger.js'
import { Place, Progress, type WorkerPlan } from './place.js'
import {
  BLOCKING_JOBS,
  CHANNEL_JOBS,
  inHand,
  type JobName,
  SYSTEM_JOBS,
  type Terminated,
  type TerminatePlan,
} from './plans.js'

const WORKER = new URL('./worker.js', import.meta.url)
const ITEMS = 2 ** 20
const AT_ONCE = 3
/** What is about the channels is what may lose something. */
const VICTIMS: readonly JobName[] = [
  ...CHANNEL_JOBS,
  ...BLOCKING_JOBS,
  ...CHANNEL_JOBS,
  ...BLOCKING_JOBS,
  ...SYSTEM_JOBS,
]

const { count, seed } = JSON.parse(process.argv[2] as string) as TerminatePlan
const random = new Random({ log: () => {} }, seed)
const channels = {
  flow: new Channel({ capacity: 50 }),
  full: new Channel({ capacity: 1 }),
  empty: new Channel(),
}
await channels.full.send('the only one')
const ledger = new Ledger(ITEMS)
let ended = false
const place = new Place(channels, ledger, seed, () => {})
const problems: string[] = []
const times: number[] = []
/** How many items may be lost, and how many may come twice, with the dead. */
let [mayBeLost, mayComeTwice] = [0, 0]
let begun = 0

const sending = sendUntilOver()
const receiving = untilEnd('iterate', place)
const others = (['sendSync', 'lease'] as const).map((job) => start(job))
const gone = others.map((worker) => new Promise<void>((resolve) => worker.once('exit', () => resolve())))

await Promise.all(Array.from({ length: AT_ONCE }, terminateInTurn))

ended = true
await sending
channels.flow.close()
await receiving
await Promise.all(gone)
await lookAt(channels.full, channels.empty)
const { lost, duplicated } = ledger.shortfall()
const report: Terminated = {
  times,
  items: ledger.passed,
  lost: Math.max(lost - mayBeLost, 0),
  duplicated: Math.max(duplicated - mayComeTwice, 0),
  problems,
}
console.log(JSON.stringify(report))

function start(job: JobName, progress = new Progress()): Worker {
  const tokens = {
    flow: channels.flow.token,
    full: channels.full.token,
    empty: channels.empty.token,
  } as WorkerPlan['tokens']
  const memory = { memory: ledger.memory, progress: progress.memory }
  const workerData: WorkerPlan = { job, seed: random.below(2 ** 31), tokens, ...memory }
  const worker = new Worker(WORKER, { workerData })
  worker.on('error', (error) => problems.push(`${job}: ${error.stack}`))
  return worker
}

async function terminateInTurn(): Promise<void> {
  while (begun < count) {
    begun++
    const job = VICTIMS[random.below(VICTIMS.length)] as JobName
    const progress = new Progress()
    const worker = start(job, progress)
    await moment(worker, progress)
    const began = performance.now()
    await worker.terminate()
    times.push(performance.now() - began)
    mayBeLost += inHand(job)
    if (job === 'lease') mayComeTwice++
  }
}

/** In the middle of the start and the load, or some items or ms into the job, which may block it at once. */
async function moment(worker: Worker, progress: Progress): Promise<void> {
  const early = random.below(4) === 0
  if (!early) await until(() => progress.count > 0 || worker.threadId === -1)
  const end = performance.now() + random.below(early ? 80 : 30)
  const most = early ? Number.POSITIVE_INFINITY : 1 + random.below(300)
  await until(() => progress.count >= most || performance.now() >= end)
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** Sends here until no worker is left to terminate, so that the last of them has something to be in the middle of. */
async function sendUntilOver(): Promise<void> {
  const over = new Error('over')
  const sender = new Place(channels, ledger, seed, () => {
    if (ended) throw over
  })
  await untilEnd('send', sender).catch((error: unknown) => {
    if (error !== over) throw error
  })
}

/** Nobody who waited there has left anything, or taken anything along. */
async function lookAt(full: Channel, empty: Channel): Promise<void> {
  const { waitingSends } = full.stats()
  if (waitingSends !== 0) problems.push(`expected no send of a dead worker to wait, got ${waitingSends}`)
  const left = [full.tryReceive()?.value, full.tryReceive()]
  if (left[0] !== 'the only one' || left[1] !== undefined)
    problems.push(`expected one item in the full channel, got ${JSON.stringify(left)}`)
  await empty.send('the first one')
  const first = await empty.receive()
  if (first !== 'the first one' || empty.length !== 0)
    problems.push(`expected what was sent, got ${JSON.stringify(first)} and ${empty.length} more`)
}
