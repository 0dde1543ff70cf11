/** What the thread of a system and its workers tell each other. Items never go this way. */

import type { MessagePort } from 'node:worker_threads'
import type { BatchPlan } from '../batch.js'
import type { ChannelToken } from '../channel/token.js'
import type { ModulePlan } from './module.js'

/** What a worker is started with. */
export interface WorkerStart {
  role: 'handler' | 'source'
  module: ModulePlan
  /** The system's handle. */
  system: number
  /** Which of the consumers, or producers, it is. */
  index: number
  /** How many there are. */
  count: number
  capacity: number
  maxWaiting: number
  priorities: number
  /** Where the handler gets items together. */
  batch?: BatchPlan
  /** Where results go, other than to the system. */
  sink?: ChannelToken
  /** The limit of an attempt in ms, and where a handler notes since when it has been at one: by `process.hrtime`, in ns, or 0. */
  limit?: { ms: number; since: BigInt64Array<SharedArrayBuffer> }
  port: MessagePort
}

/**
 * To a worker: begin; hand over nothing that is gathered, or go on with that; end production, or wait for no more items that
 * go together; the system breaks off.
 */
export type ToWorker =
  | { type: 'begin' }
  | { type: 'pause'; paused: boolean }
  | { type: 'end' }
  | { type: 'breakOff'; reason: Uint8Array }

/**
 * From a worker: its module is loaded, or failed to; a handler stops the system; the source ended, perhaps because it
 * failed; the consumer has ended.
 */
export type FromWorker =
  | { type: 'loaded' }
  | { type: 'failed'; error: Uint8Array }
  | { type: 'stop' }
  | { type: 'ended'; failure?: Uint8Array }
