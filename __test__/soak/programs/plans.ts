/** What the programs can be told to do. Nothing in here loads the addon. */

/** By channels, on whatever thread. */
export const CHANNEL_JOBS = [
  'send',
  'sendMany',
  'sendLarge',
  'trySend',
  'receive',
  'receiveMany',
  'iterate',
  'lease',
  'select',
  'cancel',
  'attach',
  'wait',
] as const

/** Those that block their thread, which is never the main one. */
export const BLOCKING_JOBS = [
  'sendSync',
  'receiveSync',
  'blockedSend',
  'blockedReceive',
  'blockedAmong',
] as const

/** By systems, on whatever thread. */
export const SYSTEM_JOBS = [
  'nativeSystem',
  'hashTasks',
  'callback',
  'asyncCallback',
  'failing',
  'fileLines',
  'fileHashes',
  'iterable',
  'runs',
  'slowReader',
  'moduleHandler',
  'moduleSource',
  'mortalHandler',
  'idle',
] as const

export type ChannelJob = (typeof CHANNEL_JOBS)[number]
export type BlockingJob = (typeof BLOCKING_JOBS)[number]
export type SystemJob = (typeof SYSTEM_JOBS)[number]
export type JobName = ChannelJob | BlockingJob | SystemJob

/** How many items `receiveMany` asks for. */
export const MANY = 8

/** How many items may be in the hands of a thread that does the job, so that they are lost with it. */
export function inHand(job: JobName): number {
  switch (job) {
    case 'receive':
    case 'iterate':
    case 'select':
    case 'attach':
    case 'receiveSync':
    case 'blockedAmong':
      return 1
    case 'receiveMany':
      return MANY
    default:
      return 0
  }
}

/** Ways for a process to end. */
export const ENDS = [
  'exit',
  'exit handler',
  'worker exit',
  'worker throw',
  'throw',
  'throw later',
  'reject',
  'SIGTERM',
  'SIGINT',
  'handled SIGTERM',
  'handled SIGINT',
  'open',
] as const

export type End = (typeof ENDS)[number]

/**
 * When: after so many items; after so many ms by a timer, from an event loop that may be idle; or with the main thread busy for
 * so many ms.
 */
export interface Moment {
  by: 'items' | 'timer' | 'busy'
  count: number
  /** Whether all workers have to have begun before, except for an end by a count of items. */
  begun: boolean
}

export interface ExitPlan {
  end: End
  /** The exit code, where the program chooses it. */
  code: number
  moment: Moment
  /** What goes on on the main thread, and in a worker each. */
  main: JobName[]
  workers: JobName[]
  seed: number
}

export interface TerminatePlan {
  /** How many workers to terminate. */
  count: number
  seed: number
}

/** What came of it. */
export interface Terminated {
  /** ms, of each `terminate()`. */
  times: number[]
  /** How many items passed hands. */
  items: number
  /** Beyond those that dead workers had in their hands. */
  lost: number
  duplicated: number
  problems: string[]
}

/** What is made, used and dropped again and again. */
export const CYCLES = ['channels', 'systems', 'workers', 'modules'] as const

export type Cycle = (typeof CYCLES)[number]

/** In the middle of what a worker runs out of its heap. */
export const HEAP_WAYS = ['leasing', 'receiving', 'sending'] as const

export type HeapWay = (typeof HEAP_WAYS)[number]

/** What an error says that is thrown by plan. */
export const PLANNED = 'as planned'
