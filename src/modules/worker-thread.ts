/** A worker thread, as the system's own thread sees it. */

import { existsSync } from 'node:fs'
import {
  MessageChannel,
  type MessagePort,
  type ResourceLimits,
  receiveMessageOnPort,
  Worker,
  type WorkerOptions,
} from 'node:worker_threads'
import { hold, release } from '../environment.js'
import { MillraceError } from '../errors.js'
import type { FromWorker, ToWorker, WorkerStart } from './messages.js'
import { unpackThrown } from './thrown.js'

/** What a worker thread tells. */
export interface WorkerListener {
  /** A message, once its module is loaded. */
  told(message: FromWorker): void
  /** It has exited; with what ended it, where that was an error that nobody caught. */
  exited(error: unknown): void
}

const ENTRY = new URL('entry.js', import.meta.url)
/** How long a worker that has nothing to do any more may take to exit by itself, in ms. */
const EXIT_MS = 100

/** Starts a worker, and loads its module there. It does not keep the process alive. */
export class WorkerThread {
  /** Its `threadId`, also once it has exited. */
  readonly id: number
  /** Resolves once its module is loaded; rejects with the module's own error, or with what ended the worker before. */
  readonly loaded: Promise<void>
  readonly exited: Promise<void>
  readonly #worker: Worker
  readonly #port: MessagePort
  #error: unknown
  #settleLoading: { resolve(): void; reject(error: unknown): void } | undefined

  constructor(start: Omit<WorkerStart, 'port'>, listener: WorkerListener) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const { env, resourceLimits, execArgv, ...module } = start.module
    const workerData: WorkerStart = { ...start, module, port: port2 }
    const options: WorkerOptions = {
      workerData,
      transferList: [port2],
      name: `millrace-${start.role === 'handler' ? 'w' : 'p'}${start.index}`,
      ...(env !== undefined && { env: env as NodeJS.ProcessEnv }),
      ...(resourceLimits !== undefined && { resourceLimits: resourceLimits as ResourceLimits }),
    }
    // First: it throws where Node refuses a flag, or has no thread for it.
    try {
      this.#worker = execArgv
        ? new Worker(ENTRY, { ...options, execArgv: [...execArgv] })
        : startInheriting(options)
    } catch (error) {
      port1.close()
      throw startError(error)
    }
    this.id = this.#worker.threadId
    hold()
    this.loaded = new Promise<void>((resolve, reject) => {
      this.#settleLoading = { resolve, reject }
    })
    this.loaded.then(release, release)
    const hear = (message: FromWorker): void => {
      if (message.type === 'loaded') this.#settleLoading?.resolve()
      else if (message.type === 'failed') this.#settleLoading?.reject(unpackThrown(message.error))
      else listener.told(message)
    }
    port1.on('message', hear)
    this.#worker.on('error', (error) => {
      this.#error = startError(error)
    })
    this.exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        // Its last words may still be under way, where this thread was busy.
        for (let last = receiveMessageOnPort(port1); last; last = receiveMessageOnPort(port1))
          hear(last.message as FromWorker)
        port1.close()
        const error = this.#error ?? new Error(`the worker exited with code ${code}`)
        this.#settleLoading?.reject(error)
        listener.exited(error)
        resolve()
      })
    })
    this.#worker.unref()
    port1.unref()
  }

  tell(message: ToWorker): void {
    this.#port.postMessage(message)
  }

  /** Waits for its exit for a moment, then terminates it. */
  async end(patience = EXIT_MS): Promise<void> {
    hold()
    const timer = setTimeout(() => void this.#worker.terminate(), patience)
    await this.exited
    clearTimeout(timer)
    release()
  }
}

/** `error`, or ours where there is no thread to be had, or nothing else that one needs. Node throws it, or tells it later. */
function startError(error: unknown): unknown {
  const bundled = codeOf(error) === 'MODULE_NOT_FOUND' && !existsSync(ENTRY)
  if (!(error instanceof Error) || !(bundled || codeOf(error) === 'ERR_WORKER_INIT_FAILED')) return error
  const hint = bundled ? ' (bundlers are to keep millrace external)' : ''
  const message = `expected to start a worker thread: ${error.message}${hint}`
  return new MillraceError('ERR_MILLRACE_SPAWN', message, { cause: error })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined
}

/** A worker that has this process's flags, as Node has it. */
function startInheriting(options: WorkerOptions): Worker {
  const flags = process.execArgv
  const isInputType = (flag: string | undefined): boolean => flag?.startsWith('--input-type') ?? false
  if (!flags.some(isInputType)) return new Worker(ENTRY, options)
  // That one goes with `--eval` alone, and a worker runs a file. The others have to be given as a list then, in which Node
  // refuses V8's flags: they are the whole process's anyway.
  const others = flags.filter((flag, index) => !isInputType(flag) && flags[index - 1] !== '--input-type')
  try {
    return new Worker(ENTRY, { ...options, execArgv: others })
  } catch (error) {
    if (codeOf(error) !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error
    return new Worker(ENTRY, { ...options, execArgv: [] })
  }
}
