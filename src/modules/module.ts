/** Modules whose function runs in worker threads. */

import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SHARE_ENV } from 'node:worker_threads'
import { InvalidOptionError, UncloneableError } from '../errors.js'
import type { Handler } from '../handlers.js'
import type { Source } from '../sources.js'
import { checkOptions } from '../validate.js'

/** The limits of a worker's memory, in MB: those of `node:worker_threads`. */
export interface WorkerLimits {
  maxOldGenerationSizeMb?: number | undefined
  maxYoungGenerationSizeMb?: number | undefined
  codeRangeSizeMb?: number | undefined
  stackSizeMb?: number | undefined
}

/** How a module is run. */
export interface ModuleOptions<E extends string = string> {
  /** Which export is the function. Default `'default'`. */
  export?: E | undefined
  /** The workers' `process.env`, or `SHARE_ENV` of `node:worker_threads`. Default: a copy of this thread's. */
  env?: Readonly<Record<string, string | undefined>> | symbol | undefined
  /** The workers' limits of memory. One that passes them dies, and loses nothing but itself. */
  resourceLimits?: WorkerLimits | undefined
  /** Node's own flags for the workers. Default: those of this process. */
  execArgv?: readonly string[] | undefined
  /**
   * Calls the module's export `init` with this value in each worker before the first item, and waits for it. A worker
   * that takes a dead one's place calls it too.
   */
  init?: unknown
}

/** The items that a module's function takes, and what it gives. */
type ItemOf<M, E extends string> = M extends { [K in E]: (item: infer T, ...rest: never[]) => unknown }
  ? T
  : unknown
type ResultOf<M, E extends string> = M extends { [K in E]: (...args: never[]) => infer R }
  ? Awaited<R>
  : unknown
type MadeBy<M, E extends string> = M extends {
  [K in E]: (...args: never[]) => AsyncIterable<infer T> | Iterable<infer T>
}
  ? T
  : unknown

/** What a worker needs to know of its module. Cloneable. */
export interface ModulePlan {
  url: string
  export: string
  init?: { value: unknown }
  env?: Record<string, string | undefined> | symbol
  resourceLimits?: WorkerLimits
  execArgv?: readonly string[]
}

/** The one class behind every handler or source that is a module. */
export class WorkerModule {
  readonly plan: ModulePlan

  constructor(plan: ModulePlan) {
    this.plan = plan
  }
}

const LIMITS = [
  'maxOldGenerationSizeMb',
  'maxYoungGenerationSizeMb',
  'codeRangeSizeMb',
  'stackSizeMb',
] as const satisfies readonly (keyof WorkerLimits)[]
const KNOWN = ['export', 'env', 'resourceLimits', 'execArgv', 'init'] as const

/**
 * A handler that is a module's function, called with each item and its context in as many worker threads as the system
 * has consumers, one item at a time in each. Items go straight from the channel to the worker, and results straight
 * back. The module is loaded by `start()`, which rejects with the module's own error if that fails.
 *
 * ```ts
 * handlerModule<typeof import('./resize.js')>(new URL('./resize.js', import.meta.url))
 * handlerModule<typeof import('./image.js'), 'resize'>(url, { export: 'resize' })
 * ```
 *
 * @throws {InvalidOptionError} for what is no `file:` or `data:` URL and no absolute path, or an option that can't be used
 */
export function handlerModule<M = unknown, E extends string = 'default'>(
  module: URL | string,
  options: ModuleOptions<E> = {},
): Handler<ItemOf<M, E>, ResultOf<M, E>> {
  return new WorkerModule(planModule('handlerModule()', module, options)) as unknown as Handler<
    ItemOf<M, E>,
    ResultOf<M, E>
  >
}

/**
 * A source that is a module's function, called once in each of as many worker threads as the system has producers, with
 * `{ index, count, signal }`; it returns an iterable or asynchronous iterable of items.
 *
 * @throws {InvalidOptionError} as `handlerModule` does
 */
export function sourceModule<M = unknown, E extends string = 'default'>(
  module: URL | string,
  options: ModuleOptions<E> = {},
): Source<MadeBy<M, E>> {
  return new WorkerModule(planModule('sourceModule()', module, options)) as unknown as Source<MadeBy<M, E>>
}

/** @throws {InvalidOptionError} for what can't be used */
export function planModule(name: string, module: unknown, options: ModuleOptions = {}): ModulePlan {
  const { init, env, resourceLimits, execArgv, ...rest } = checkOptions(name, options, KNOWN)
  const { export: exported = 'default' } = rest
  if (typeof exported !== 'string') throw new InvalidOptionError('export', 'the name of an export', exported)
  if (env !== undefined && env !== SHARE_ENV) checkObject('env', env)
  if (resourceLimits !== undefined) checkOptions('resourceLimits', resourceLimits, LIMITS)
  if (
    execArgv !== undefined &&
    !(Array.isArray(execArgv) && execArgv.every((arg) => typeof arg === 'string'))
  )
    throw new InvalidOptionError('execArgv', 'an array of strings', execArgv)
  return {
    url: urlOf(module),
    export: exported,
    ...('init' in options && { init: { value: clone(init) } }),
    ...(env !== undefined && { env: env as Record<string, string> }),
    ...(resourceLimits !== undefined && { resourceLimits: resourceLimits as WorkerLimits }),
    ...(execArgv !== undefined && { execArgv: execArgv as string[] }),
  }
}

/** Whether a handler or source is the place of a module. */
export function isModulePlace(value: unknown): value is URL | string {
  return value instanceof URL || (typeof value === 'string' && isAbsolute(value))
}

function urlOf(module: unknown): string {
  if (module instanceof URL && ['file:', 'data:'].includes(module.protocol)) return module.href
  if (typeof module === 'string' && isAbsolute(module)) return pathToFileURL(module).href
  const isText = typeof module === 'string' && module.startsWith('file:')
  const hint = isText
    ? 'a URL is an object: new URL() makes one of its text'
    : "relative to this module it is new URL('./handler.js', import.meta.url)"
  throw new InvalidOptionError('module', 'a file: URL or an absolute path', module, hint)
}

function clone(init: unknown): unknown {
  try {
    return structuredClone(init)
  } catch (cause) {
    throw new UncloneableError('init', 'init: expected a value that structured clone can copy', { cause })
  }
}

function checkObject(option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw new InvalidOptionError(option, 'an object', value)
}
