/** `node crowd.js COUNT`: as many workers load the addon at once, attach to the same channels, and pass an item each. */
import { Worker } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'

const count = Number(process.argv[2])
const questions = new Channel<number>({ capacity: 10 })
const answers = new Channel<number>({ capacity: 10 })
const workers = Array.from({ length: count }, () => {
  const workerData = { questions: questions.token, answers: answers.token }
  const worker = new Worker(new URL('./crowd-worker.js', import.meta.url), { workerData })
  return new Promise<number>((resolve, reject) => worker.once('error', reject).once('exit', resolve))
})
// None of them gets two: each has its own to wait for.
const asking = questions.sendMany(Array.from({ length: count }, (_, n) => n))
const seen = new Set<number>()
for (let n = 0; n < count; n++) seen.add(await answers.receive())
await asking
const codes = await Promise.all(workers)
console.log(`${seen.size} items, ${codes.filter((code) => code === 0).length} ends`)
