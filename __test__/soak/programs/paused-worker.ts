/** The other threads of `paused.ts`. */
import { Session } from 'node:inspector'
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
  // A session keeps no event loop alive.
  const alive = setInterval(() => {}, 1000)
  session.post('Debugger.enable')
  session.post('Debugger.pause')
  await paused
  // Nobody sends or receives there: the echo comes to a wait, whichever of the two it is.
  while (there.length > 0 && back.stats().waitingSends === 0) await new Promise(setImmediate)
  // Node aborts where it has the answer of a command for a session that is gone.
  await new Promise<void>((resolve) => session.post('Debugger.resume', () => resolve()))
  session.disconnect()
  clearInterval(alive)
  parentPort?.postMessage(true)
}
