/** The other threads of `paused.ts`. */
import { Session } from 'node:inspector'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'

const { role, there: sent, back: returned } = workerData
const [there, back] = [Channel.attach<number>(sent), Channel.attach<number>(returned)]

if (role === 'echo') {
  for await (const n of there) await back.send(n)
  back.close()
} else {
  const session = new Session()
  session.connectToMainThread()
  const paused = new Promise((resolve) => session.once('Debugger.paused', resolve))
  session.post('Debugger.enable')
  session.post('Debugger.pause')
  // A session keeps no event loop alive.
  const alive = setInterval(() => {}, 1000)
  await paused
  clearInterval(alive)
  // Nobody sends or receives there: the echo comes to a wait, whichever of the two it is.
  while (there.length > 0 && back.stats().waitingSends === 0) await new Promise(setImmediate)
  session.post('Debugger.resume')
  parentPort?.postMessage(true)
  // Node aborts where it has something to tell a debugger whose thread has ended.
  while (!there.closed) await sleep(1)
  session.disconnect()
}
