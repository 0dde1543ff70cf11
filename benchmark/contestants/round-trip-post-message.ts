/** `postMessage` there and back. The next value is posted by the listener that heard the answer, or by a timer. */
import { items } from './contest.js'
import { noteAnswer, PAUSE, printTimes, shape, WARM_UP } from './round-trip.js'
import { startWorker } from './send.js'

const worker = await startWorker('round-trip-post-message-worker', undefined)
let n = -WARM_UP
let start = 0

function post(): void {
  start = performance.now()
  worker.postMessage(n)
}

worker.on('message', (answered: number) => {
  noteAnswer(n, answered, performance.now() - start)
  if (++n === items) {
    printTimes()
    worker.postMessage('end')
  } else if (shape === 'pauses') setTimeout(post, PAUSE)
  else post()
})
post()
