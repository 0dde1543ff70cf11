#!/usr/bin/env node
/** The `millrace` program. It runs when this module is loaded, and ends the process. */

import process from 'node:process'
import type { Writable } from 'node:stream'
import { MillraceError } from '../errors.js'
import { runCommandLine } from './command.js'
import { problemLine } from './problems.js'
import { usageMessage } from './usage-error.js'

void main()

async function main(): Promise<void> {
  const streams = [process.stdout, process.stderr]
  let broken: NodeJS.ErrnoException | undefined
  process.stdout.on('error', (error) => {
    broken ??= error
  })
  // One that is gone leaves no one to tell of it.
  process.stderr.on('error', () => {})
  let code = await exitCodeOf(process.argv.slice(2))
  await Promise.all(streams.map(flush))
  // A run minds its own writes; whoever prints help does not. A reader that has seen enough is no problem.
  if (code === 0 && broken && broken.code !== 'EPIPE') {
    process.stderr.write(`${problemLine(`stdout: ${broken.message}`)}\n`)
    code = 1
  }
  // Not by itself: what a handler's module has left open must not keep the program.
  process.exit(code)
}

async function exitCodeOf(args: readonly string[]): Promise<number> {
  let code = 0
  try {
    await runCommandLine(args, async (options) => {
      // Loads the native binding, which help and usage errors do without.
      const { run } = await import('./run.js')
      code = await run(options)
    })
    return code
  } catch (error) {
    const usage = usageMessage(error)
    if (usage === undefined && !(error instanceof MillraceError)) throw error
    process.stderr.write(`${problemLine(usage ?? (error as MillraceError).message)}\n`)
    return usage === undefined ? 1 : 2
  }
}

function flush(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}
