/** What makes a command line one that can't be run: one line on stderr, exit code 2, nothing started. */

import { InvalidOptionError } from '../errors.js'

/** Flags that can't be used as they are given. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The flags behind the library's options. */
const FLAGS: Readonly<Record<string, string>> = {
  producers: '--producers',
  consumers: '--consumers',
  capacity: '--capacity',
  delay: '--delay',
  limit: '--limit',
  paths: '--lines',
  root: '--files',
  glob: '--glob',
  ms: '--work',
  algorithm: '--hash',
}

/** The message of an error that is the command line's fault, with the flag in place of the library's option. */
export function usageMessage(error: unknown): string | undefined {
  if (error instanceof UsageError) return error.message
  if (!(error instanceof InvalidOptionError)) return undefined
  const { option, message } = error
  const name =
    option
      .replace(/\[\d+\]$/, '')
      .split('.')
      .at(-1) ?? ''
  const flag = FLAGS[name]
  return flag === undefined ? message : flag + message.slice(option.length)
}
