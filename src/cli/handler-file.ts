import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { HandlerFunction } from '../context.js'
import { describe } from '../errors.js'
import { messageOf } from './problems.js'
import { UsageError } from './usage-error.js'

/**
 * Imports the default export of a module, to be called on the main thread.
 *
 * @throws {UsageError} when the file does not load, or has no function there
 */
export async function loadHandler(file: string): Promise<HandlerFunction<unknown, unknown>> {
  const { default: handler } = await importFile(file)
  if (typeof handler !== 'function') {
    throw new UsageError(
      `--handler: expected ${file} to export a function by default, got ${describe(handler)}`,
    )
  }
  return handler as HandlerFunction<unknown, unknown>
}

async function importFile(file: string): Promise<{ default?: unknown }> {
  try {
    return await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    throw new UsageError(`--handler: ${file} does not load: ${messageOf(error)}`)
  }
}
