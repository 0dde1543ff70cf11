import { AbortedError } from '../errors.js'
import type { Output } from './output.js'
import type { Printer } from './printers.js'

/**
 * Prints results as they come and no faster than they are read; waits until the last is written, or the system is
 * aborted. A result that can't be printed is left out, and `onUnprintable` is called.
 */
export async function printResults(
  results: AsyncIterable<unknown>,
  printer: Printer,
  output: Output,
  onUnprintable: (error: unknown) => void,
): Promise<void> {
  try {
    for await (const result of results) {
      const written = output.write(textOf(result))
      if (written) await written
    }
  } catch (error) {
    if (!(error instanceof AbortedError)) throw error
  }
  await output.flush()

  function textOf(result: unknown): string {
    try {
      return printer.print(result)
    } catch (error) {
      onUnprintable(error)
      return ''
    }
  }
}
