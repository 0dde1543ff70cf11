/** `node paused.js main|worker`: a debugger pauses a thread with items on their way to and from it, and lets it go on. */
import { Session } from 'node:inspector'
import { Worker } from 'node:worker_threads'
import { Channel } from '../../../src/index.js'

const [there, back] = [new Channel<number>({ capacity: 10 }), new Channel<number>({ capacity: 10 })]
const start = (role: string): Worker => {
  const workerData = { role, there: there.token, back: back.token }
  return new Worker(new URL('./paused-worker.js', import.meta.url), { workerData })
}

const echo = start('echo')
const ended = new Promise((resolve) => echo.once('exit', resolve))
let over = false
const receiving = receiveAll()
const sending = sendAll()
if (process.argv[2] === 'main') await new Promise((resolve) => start('debugger').once('message', resolve))
else await pauseWorker()
over = true
const sent = await sending
const received = await receiving
await ended
console.log(received === sent ? 'all in order' : `${received} of ${sent}`)

/** Sends until the pause is over, and some more. */
async function sendAll(): Promise<number> {
  let n = 0
  for (let more = 1000; more > 0; n++) {
    if (over) more--
    await there.send(n)
  }
  there.close()
  return n
}

/** How many came, each in its place. */
async function receiveAll(): Promise<number> {
  let count = 0
  for await (const n of back) if (n === count) count++
  return count
}

/** Pauses the worker until no item gets there any more. */
async function pauseWorker(): Promise<void> {
  const session = new Session()
  session.connect()
  const resume = await new Promise<() => void>((resolve) => {
    let id = 0
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
      const tell = (method: string): void => {
        const message = JSON.stringify({ id: ++id, method })
        session.post('NodeWorker.sendMessageToWorker', { sessionId, message })
      }
      session.on('NodeWorker.receivedMessageFromWorker', ({ params: { message } }) => {
        if (JSON.parse(message).method === 'Debugger.paused') resolve(() => tell('Debugger.resume'))
      })
      tell('Debugger.enable')
      tell('Debugger.pause')
    })
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false })
  })
  while (there.stats().waitingSends === 0) await new Promise(setImmediate)
  resume()
  // What is resumed goes on before the session ends.
  await new Promise(setImmediate)
  session.disconnect()
}
