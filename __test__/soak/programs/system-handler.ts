/** A handler that does with each item what a hash of its number and attempt says: as a function, or in workers that it may end. */

import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import { BatchError, type Context, UnrecoverableError } from '../../../src/index.js'
import { itemOf, numberOf } from '../../helpers/items.js'
import { count, SystemLedger } from './system-ledger.js'

/** How often what happens, in a thousand attempts; in all others the item is processed. */
export interface Rates {
  throws: number
  rejects: number
  unrecoverable: number
  /** Processed a little later. */
  slow: number
  /** Processed after some work that lets nothing else of its thread run. */
  busy: number
  /** The worker ends itself: at once, or a little later. */
  exits: number
  exitsLater: number
  /** Comes to no end before the system breaks off, and then with an error or a result. */
  waits: number
  /** Never comes to an end. */
  never: number
}

/** ms */
const BUSY = 0.3

const FATES = [
  'throws',
  'rejects',
  'unrecoverable',
  'slow',
  'busy',
  'exits',
  'exitsLater',
  'waits',
  'never',
] as const satisfies (keyof Rates)[]

export interface HandlerPlan {
  items: number
  memory: SharedArrayBuffer
  seed: number
  rates: Rates
}

type Attempt = number | Promise<number>

export class FatefulHandler {
  readonly #ledger: SystemLedger
  readonly #seed: number
  readonly #rates: Rates
  /** What the worker was done with last; it has one item or batch at a time. */
  #done: number[] = []

  constructor({ items, memory, seed, rates }: HandlerPlan) {
    this.#ledger = new SystemLedger(items, memory)
    this.#seed = seed
    this.#rates = rates
  }

  /** The result is the item's number. */
  one(item: unknown, { signal }: Pick<Context, 'signal'>): Attempt {
    const number = checkedNumberOf(item)
    this.#goOn()
    return this.#attempt(number, count(this.#ledger.begun, number), signal)
  }

  async many(items: unknown[], { signal }: Pick<Context, 'signal'>): Promise<number[]> {
    this.#goOn()
    // All are in hand before any of them is done with.
    const numbers = items.map(checkedNumberOf)
    const calls = numbers.map((number) => count(this.#ledger.begun, number))
    const settled = await Promise.allSettled(
      numbers.map(async (number, index) => this.#attempt(number, calls[index] as number, signal)),
    )
    const errors = settled.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [[index, outcome.reason] as const] : [],
    )
    if (errors.length > 0) throw new BatchError(errors, numbers)
    return numbers
  }

  #attempt(number: number, call: number, signal: AbortSignal): Attempt {
    const fate = this.#fateOf(number, call)
    switch (fate) {
      case 'throws':
        throw new Error(`${number}.${call}`)
      case 'rejects':
        return sleep(number % 2).then(() => Promise.reject(new Error(`${number}.${call}`)))
      case 'unrecoverable':
        return Promise.reject(new UnrecoverableError(`${number}.${call}`))
      case 'slow':
        return sleep(number % 4).then(() => this.#finish(number))
      case 'busy':
        for (const end = performance.now() + BUSY; performance.now() < end; );
        return this.#finish(number)
      case 'exits':
        return process.exit(number % 3)
      case 'exitsLater':
        setImmediate(() => process.exit(number % 3))
        return number % 2 === 0 ? this.#finish(number) : sleep(1).then(() => this.#finish(number))
      case 'waits':
        return new Promise((resolve, reject) => {
          const end = (): void =>
            number % 2 === 0 ? resolve(this.#finish(number)) : reject(new Error('late'))
          if (signal.aborted) end()
          else signal.addEventListener('abort', end)
        })
      case 'never':
        return new Promise(() => {})
      default:
        return number % 5 === 0 ? Promise.resolve(this.#finish(number)) : this.#finish(number)
    }
  }

  #goOn(): void {
    if (isMainThread) this.#done = []
    for (const number of this.#done.splice(0)) count(this.#ledger.told, number)
  }

  #finish(number: number): number {
    count(this.#ledger.finished, number)
    this.#done.push(number)
    return number
  }

  #fateOf(number: number, call: number): keyof Rates | undefined {
    let left = hash(this.#seed ^ (number * 31 + call)) % 1000
    return FATES.find((fate) => {
      left -= this.#rates[fate]
      return left < 0
    })
  }
}

/** What an item of a round is: itself, or one of many kinds. */
export function roundItem(number: number, plain: boolean): unknown {
  return plain ? number : itemOf(number)
}

function checkedNumberOf(item: unknown): number {
  const number = numberOf(item)
  if (!Number.isSafeInteger(number)) throw new Error(`expected an item of the round, got ${String(item)}`)
  return number
}

function hash(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

let handler: FatefulHandler

export function init(plan: HandlerPlan): void {
  handler = new FatefulHandler(plan)
}

export default function one(item: unknown, context: Context): Attempt {
  return handler.one(item, context)
}

export function many(items: unknown[], context: Context): Promise<number[]> {
  return handler.many(items, context)
}
