import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { getSystemErrorMap } from 'node:util'
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
  await checkFile(file)
  const { default: handler } = await importFile(file)
  if (typeof handler !== 'function') {
    throw new UsageError(
      `--handler: expected ${file} to export a function by default, got ${describe(handler)}`,
    )
  }
  return handler as HandlerFunction<unknown, unknown>
}

/** Before the import, whose own message would be about the file of ours that imports it. */
async function checkFile(file: string): Promise<void> {
  const refuse = (what: string): never => {
    throw new UsageError(`--handler: expected a file with a module, got ${file}: ${what}`)
  }
  const found = await stat(resolve(file)).catch(({ errno, message }: NodeJS.ErrnoException) =>
    refuse(getSystemErrorMap().get(errno ?? 0)?.[1] ?? message),
  )
  if (found.isDirectory()) refuse('a directory')
}

async function importFile(file: string): Promise<{ default?: unknown }> {
  let end = (): void => {}
  // The program would end there, without a word and as if all was well.
  const stalled = new Promise<never>((_, reject) => {
    end = () => reject(new Error('its top-level await never settles'))
  })
  process.once('beforeExit', end)
  try {
    return await Promise.race([import(pathToFileURL(resolve(file)).href), stalled])
  } catch (error) {
    throw new UsageError(`--handler: ${file} does not load: ${messageOf(error)}`)
  } finally {
    process.off('beforeExit', end)
  }
}
