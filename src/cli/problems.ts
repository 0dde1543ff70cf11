/** What goes wrong, each as one line on stderr. */

import { describe } from '../errors.js'
import { oneLine } from './format.js'

const LONGEST_NAME = 200

/** `millrace: ` and the message, on one line whatever is in it. */
export function problemLine(message: string): string {
  return `millrace: ${oneLine(message)}`
}

/** The line for an item that failed: `millrace: dir/name: No such file or directory`. */
export function failureLine(item: unknown, error: unknown): string {
  const [name, message] = [nameOf(item), messageOf(error)]
  // What failed on a file says on which by itself.
  return problemLine(message.startsWith(`${name}: `) ? message : `${name}: ${message}`)
}

/** What an error, or whatever else was thrown, says. */
export function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : describe(error)
}

function nameOf(item: unknown): string {
  const name = item instanceof Uint8Array ? new TextDecoder().decode(item) : String(item)
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name
}
