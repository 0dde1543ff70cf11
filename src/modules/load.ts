/** Loading a module in its worker. */

import { ModuleError } from '../errors.js'
import type { RetryIf } from '../retry.js'
import type { ModulePlan } from './module.js'

export type AnyFunction = (...args: unknown[]) => unknown

/**
 * Imports the module, calls its `init` where that is asked for, and returns its function.
 *
 * @throws what the module or its `init` throws; `ModuleError` where it has no such function
 */
export async function loadFunction(plan: ModulePlan): Promise<AnyFunction> {
  return (await loadHandler(plan)).handler
}

/** The same, with what the module says of errors, if it exports that. */
export async function loadHandler({
  url,
  export: name,
  init,
}: ModulePlan): Promise<{ handler: AnyFunction; retryIf: RetryIf | undefined }> {
  const module: unknown = await import(url)
  if (init) await functionOf(module, 'init', url)(init.value)
  const handler = functionOf(module, name, url)
  const retryIf = has(module, 'retryIf') ? (functionOf(module, 'retryIf', url) as RetryIf) : undefined
  return { handler, retryIf }
}

function has(module: unknown, name: string): boolean {
  const exports = module as Record<string, unknown>
  return name in exports || (isRecord(exports.default) && name in exports.default)
}

function functionOf(module: unknown, name: string, url: string): AnyFunction {
  const exports = module as Record<string, unknown>
  let value = exports[name]
  // A CommonJS module has its exports in `default` too, where it was found to have none by name.
  if (typeof value !== 'function' && isRecord(exports.default)) value = exports.default[name]
  if (typeof value === 'function') return value as AnyFunction
  const known = Object.keys(exports).filter((key) => typeof exports[key] === 'function')
  throw new ModuleError(
    `${url}: expected the export '${name}' to be a function, got ${value === undefined ? 'no such export' : typeof value}; its functions are ${known.join(', ') || 'none'}`,
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
