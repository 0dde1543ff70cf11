/** One run of a contestant in a process of its own. */
import { type ExecFileException, execFile } from 'node:child_process'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command } from './peers.js'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** No run takes a minute; one that takes this many ms hangs, and counts as failed. */
const TIMEOUT = 300_000

/** What arrived. */
interface Arrived {
  count: number
  /** The sum of the values that arrived. */
  sum?: number
}

/** What a contestant of a rate prints, as one JSON object: what arrived, and how long that took. */
export interface Run extends Arrived {
  sum: number
  seconds: number
}

/**
 * What a contestant of any other figure prints: what arrived, and the figure in the workload's unit. There is no sum where
 * nobody sees the values, such as with a native handler that sleeps.
 */
export interface Measured extends Arrived {
  value: number
}

/** What a contestant of the case `growth` prints. */
export interface Grown extends Arrived {
  seconds: number
  /** The time from an item's send to its receive that 99 of 100 are not above, in ms. */
  p99: number
}

/** Runs benchmark/contestants/`module` with the numbers from 0 to before `items`; gives what it prints. */
export function grown(module: string, ...args: string[]): (items: number) => Promise<Grown> {
  return (items) => verified(process.execPath, [moduleFile(module), ...args], items)
}

/** Runs benchmark/contestants/`module` with the numbers from 0 to before `items`; gives items/s. */
export function contestant(module: string, ...args: string[]): (items: number) => Promise<number> {
  return rate(process.execPath, [moduleFile(module), ...args])
}

/** Runs benchmark/contestants/`module` with the numbers from 0 to before `items`; gives the figure that it prints. */
export function measured(module: string, ...args: string[]): (items: number) => Promise<number> {
  return async (items) =>
    (await verified<Measured>(process.execPath, [moduleFile(module), ...args], items)).value
}

/** Runs benchmark/contestants/`module` and gives what it prints. */
export async function ask<T>(module: string, ...args: string[]): Promise<T> {
  return output(process.execPath, [moduleFile(module), ...args])
}

/** Runs the native program with its arguments, the last of them `items`; gives items/s. */
export function native(...args: string[]): (items: number) => Promise<number> {
  return rate(`${root}target/release/millrace-benchmark`, args)
}

/** Runs what `command` gives with more arguments, the last of them `items`; gives items/s. */
export function program(command: Command, ...args: string[]): (items: number) => Promise<number> {
  return async (items) => {
    const [file, ...first] = command()
    return rate(file, [...first, ...args])(items)
  }
}

function rate(program: string, args: string[]): (items: number) => Promise<number> {
  return async (items) => items / (await verified<Run>(program, args, items)).seconds
}

/** Runs a program, the last of whose arguments is the number of items, and verifies that each of them arrived. */
async function verified<T extends Arrived>(program: string, args: string[], items: number): Promise<T> {
  const run = await output<T>(program, [...args, String(items)])
  const { count, sum } = run
  const expected = (items * (items - 1)) / 2
  if (count !== items || (sum ?? expected) !== expected) {
    throw new Error(
      `${args.join(' ')}: expected ${items} items that add up to ${expected}, got ${count} and ${sum}`,
    )
  }
  return run
}

async function output<T>(program: string, args: string[]): Promise<T> {
  try {
    const { stdout } = await execute(program, args, { timeout: TIMEOUT })
    return JSON.parse(stdout) as T
  } catch (error) {
    throw new Error(reasonOf(error as ExecFileException, [basename(program), ...args]), { cause: error })
  }
}

/** In the words that the results keep: what of it depends on where the repository lies is left out. */
function reasonOf({ killed, signal, code, stderr, message }: ExecFileException, command: string[]): string {
  let end = message
  if (killed) end = `still running after ${TIMEOUT / 1000} s`
  else if (signal) end = `ended by ${signal}`
  else if (typeof code === 'number') end = `exit code ${code}`
  return `${command.join(' ')}: ${end}\n${stderr ?? ''}`.replaceAll(root, '').trim()
}

function moduleFile(module: string): string {
  return fileURLToPath(new URL(`contestants/${module}.js`, import.meta.url))
}
