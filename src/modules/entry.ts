/** What a worker thread of a system runs first: it loads its module, says so, and waits to be told to begin. */

import { workerData } from 'node:worker_threads'
import { Channel } from '../channel/channel.js'
import { flush } from '../channel/turn-end.js'
import { hold, release } from '../environment.js'
import { sendingEachTo, sendingTo } from '../sink.js'
import { type AnyFunction, loadFunction, loadHandler } from './load.js'
import type { FromWorker, ToWorker, WorkerStart } from './messages.js'
import { packThrown, unpackThrown } from './thrown.js'
import { WorkerHandler } from './worker-handler.js'
import { WorkerSource } from './worker-source.js'

/** What runs in the worker. */
export interface WorkerRole {
  begin(): void
  /** The system is paused, or goes on. */
  pause?(paused: boolean): void
  /** Production ends, or nothing is to be waited for to go together. */
  end?(): void
  /** The system breaks off, with this reason. */
  breakOff(reason: unknown): void
}

void run(workerData as WorkerStart)

async function run(start: WorkerStart): Promise<void> {
  const { port } = start
  const tell = (message: FromWorker): void => port.postMessage(message)
  // Until it is told to begin, and until it has ended.
  hold()
  let role: WorkerRole
  try {
    if (start.role === 'handler') {
      const { handler, retryIf } = await loadHandler(start.module)
      // Flushed each time: a worker that dies takes along what it has staged, of items that count as handled by then.
      const sending = start.batch ? sendingEachTo : sendingTo
      const sink = start.sink && Channel.attach(start.sink)
      const sendWith =
        sink && ((handler: AnyFunction) => sending(sink, handler as never, flush) as AnyFunction)
      role = new WorkerHandler(start, handler, retryIf, tell, sendWith)
    } else role = new WorkerSource(start, await loadFunction(start.module), tell)
  } catch (error) {
    tell({ type: 'failed', error: packThrown(error) })
    release()
    return
  }
  port.on('message', (message: ToWorker) => {
    if (message.type === 'begin') role.begin()
    else if (message.type === 'pause') role.pause?.(message.paused)
    else if (message.type === 'end') role.end?.()
    else role.breakOff(unpackThrown(message.reason))
  })
  port.unref()
  tell({ type: 'loaded' })
}
