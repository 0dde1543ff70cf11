/** A source module's function, in its worker. */

import { release } from '../environment.js'
import { Pull } from '../pull.js'
import type { AnyFunction } from './load.js'
import type { FromWorker, WorkerStart } from './messages.js'
import { packThrown } from './thrown.js'
import { openSender } from './way-in.js'

export class WorkerSource {
  readonly #pull: Pull
  readonly #stopping = new AbortController()

  constructor(
    { system, index, count, ...start }: WorkerStart,
    source: AnyFunction,
    tell: (message: FromWorker) => void,
  ) {
    const { sender } = openSender<unknown>(system, start)
    const { signal } = this.#stopping
    this.#pull = new Pull({
      open: () => source({ index, count, signal }) as Iterable<unknown>,
      send: (items, done) => sender.sendPulled(items, done),
      ended: (failure) => {
        tell(failure ? { type: 'ended', failure: packThrown(failure.error) } : { type: 'ended' })
        release()
      },
    })
  }

  begin(): void {
    if (!this.#stopping.signal.aborted) this.#pull.start()
    else this.#pull.stop()
  }

  end(): void {
    this.#stopping.abort()
    this.#pull.stop()
  }

  breakOff(reason: unknown): void {
    this.#stopping.abort(reason)
    this.#pull.abort()
  }
}
