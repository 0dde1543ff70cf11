import { setTimeout as sleep } from 'node:timers/promises'
import { Channel } from '../../src/index.js'
import { items, WINDOW } from './contest.js'
import { noteAnswer, PAUSE, printTimes, shape, WARM_UP } from './round-trip.js'
import type { OurData } from './round-trip-millrace-worker.js'
import { startWorker } from './send.js'

const there = new Channel<number>({ capacity: WINDOW })
const back = new Channel<number>({ capacity: WINDOW })
await startWorker('round-trip-millrace-worker', {
  there: there.token,
  back: back.token,
  sync: shape === 'receive-sync',
} satisfies OurData)

for (let n = -WARM_UP; n < items; n++) {
  if (shape === 'pauses') await sleep(PAUSE)
  const start = performance.now()
  await there.send(n)
  const answered = await back.receive()
  noteAnswer(n, answered, performance.now() - start)
}
printTimes()
there.close()
