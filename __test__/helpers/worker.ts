import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ExecutionContext } from 'ava'

const LIBRARY = new URL('../../src/index.js', import.meta.url).href
const ITEMS = new URL('./items.js', import.meta.url).href

const IMPORT = /^\s*import .+$/gm

/** A thread that runs `source`, and what it says. It is terminated when the test ends, should it still run then. */
export class Thread {
  readonly worker: Worker
  readonly #said: unknown[] = []
  #listen: (() => void) | undefined
  #failure: unknown
  readonly ended: Promise<number>

  /**
   * @param source - a module's, with `Channel`, `data`, `say()`, `heard()`, `itemOf` and `library` in scope
   */
  constructor(t: ExecutionContext, source: string, data: unknown = {}) {
    const imports = source.match(IMPORT) ?? []
    // In a function: Node 22 crashes where a thread is terminated just when a module with a top-level await has been evaluated.
    const module = `import { parentPort, workerData as data } from 'node:worker_threads'
      import { once } from 'node:events'
      ${imports.join('\n')}
      async function run() {
        const library = await import(${JSON.stringify(LIBRARY)})
        const { Channel } = library
        const { itemOf, numberOf } = await import(${JSON.stringify(ITEMS)})
        const say = (message) => parentPort.postMessage(message)
        const heard = async () => (await once(parentPort, 'message'))[0]
        ${source.replace(IMPORT, '')}
      }
      void run()`
    this.worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(module)}`), {
      workerData: data,
    })
    this.worker.on('message', (message) => {
      this.#said.push(message)
      this.#listen?.()
    })
    this.worker.on('error', (error) => {
      this.#failure = error
      this.#listen?.()
    })
    this.ended = once(this.worker, 'exit').then(([code]) => {
      this.#failure ??= new Error(`the thread ended with ${code} and said no more`)
      this.#listen?.()
      return code
    })
    // Tests that don't wait for the end learn of a failure by what isn't said.
    this.ended.catch(() => {})
    t.teardown(() => this.worker.terminate())
  }

  tell(message: unknown): void {
    this.worker.postMessage(message)
  }

  /** The next thing it says. */
  async said<V>(): Promise<V> {
    while (this.#said.length === 0) {
      if (this.#failure) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#listen = resolve
      })
    }
    return this.#said.shift() as V
  }
}
