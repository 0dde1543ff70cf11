/** One run of a contestant in a process of its own. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command } from './peers.js'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** What every contestant prints, as one JSON object: what arrived, and how long that took. */
export interface Run {
  count: number
  /** The sum of the values that arrived. */
  sum: number
  seconds: number
}

/** Runs benchmark/contestants/`module` with the numbers from 0 to before `items`; gives items/s. */
export function contestant(module: string, ...args: string[]): (items: number) => Promise<number> {
  const file = fileURLToPath(new URL(`contestants/${module}.js`, import.meta.url))
  return (items) => rate(process.execPath, [file, ...args, String(items)], items)
}

/** Runs benchmark/contestants/`module` and gives what it prints. */
export async function ask<T>(module: string, ...args: string[]): Promise<T> {
  const file = fileURLToPath(new URL(`contestants/${module}.js`, import.meta.url))
  const { stdout } = await execute(process.execPath, [file, ...args])
  return JSON.parse(stdout) as T
}

/** As `contestant`, for what has no values to add up: only the count is verified. */
export function counted(module: string, ...args: string[]): (items: number) => Promise<number> {
  return async (items) => {
    const { count, seconds } = await ask<Run>(module, ...args, String(items))
    if (count !== items) throw new Error(`${module}: expected ${items} items, got ${count}`)
    return items / seconds
  }
}

/** Runs the native program with its arguments, the last of them `items`; gives items/s. */
export function native(...args: string[]): (items: number) => Promise<number> {
  return (items) => rate(`${root}target/release/millrace-benchmark`, [...args, String(items)], items)
}

/** Runs what `command` gives with more arguments, the last of them `items`; gives items/s. */
export function program(command: Command, ...args: string[]): (items: number) => Promise<number> {
  return async (items) => {
    const [file, ...first] = command()
    return rate(file, [...first, ...args, String(items)], items)
  }
}

async function rate(program: string, args: string[], items: number): Promise<number> {
  const { stdout } = await execute(program, args)
  const { count, sum, seconds } = JSON.parse(stdout) as Run
  const expected = (items * (items - 1)) / 2
  if (count !== items || sum !== expected) {
    throw new Error(
      `${args.join(' ')}: expected ${items} items that add up to ${expected}, got ${count} and ${sum}`,
    )
  }
  return items / seconds
}
