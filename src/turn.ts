/** How operations that never wait still let the event loop turn, so that timers and signals live beside them. */

import { performance } from 'node:perf_hooks'

/** ms after which a macrotask is due. The promise is 5; the rest is for what one operation takes. */
const BUDGET = 4
/** The most operations between two looks at the clock, which cost several times what an operation does. */
const MAX_STRIDE = 32
/** ms between two looks above which operations are slow, so that each is to look. */
const SLOW = 0.5

const settled = Promise.resolve()
/** Those of Node, whatever a test's fake timers put in their place later. */
export const immediately = setImmediate
export const clearImmediately = clearImmediate
let turned = performance.now()
/** What `recently` tells. */
let told = turned
let breath: Promise<void> | undefined

/** How often operations of one kind are to look at the clock: more often the slower they are. */
export class Pace {
  readonly #most: number
  #looked = 0
  #stride = 1
  #countdown = 1

  /** @param most - the most operations between two looks */
  constructor(most: number) {
    this.#most = most
  }

  /** How many operations may be done before `turnIsDue` is to be asked. */
  get operationsInTurn(): number {
    return this.#countdown
  }

  /** Whether, after so many more operations, a macrotask should be let run before the next one. */
  turnIsDue(operations = 1): boolean {
    this.#countdown -= operations
    if (this.#countdown > 0) return false
    const now = performance.now()
    this.#stride = now - this.#looked > SLOW ? 1 : Math.min(this.#stride * 2, this.#most)
    this.#countdown = this.#stride
    this.#looked = now
    told = now
    if (now - turned < BUDGET) return false
    this.#countdown = 1
    return true
  }
}

/** That of operations which have none of their own. */
const common = new Pace(MAX_STRIDE)

/** Says that a macrotask has just begun. */
export function beginTurn(): void {
  turned = performance.now()
  told = turned
}

/** Has `recently` tell the time of now, where a turn may have begun that nobody told of. */
export function lookAtClock(): void {
  told = performance.now()
}

/** The time in ms, as of a few operations ago: free of charge. */
export function recently(): number {
  return told
}

/** The turn that is under way, as far as it is known: it stays the same for all that runs in one. */
export function currentTurn(): number {
  return turned
}

/** Whether a macrotask should be let run before the next operation. */
export function turnIsDue(): boolean {
  return common.turnIsDue()
}

/** A promise for an operation that is done already: settled, unless the event loop is due its turn before. */
export function doneInTurn(): Promise<void> {
  return turnIsDue() ? nextTurn() : settled
}

/** As `doneInTurn`, with the operation's outcome. */
export function inTurn<V>(value: V): Promise<V> {
  return turnIsDue() ? nextTurn().then(() => value) : Promise.resolve(value)
}

/** As `doneInTurn`, for an operation that was refused: a loop that tries again must not keep out what it waits for. */
export function refusedInTurn(error: unknown): Promise<never> {
  if (!turnIsDue()) return Promise.reject(error)
  return nextTurn().then(() => {
    throw error
  })
}

/** Calls `call` in a macrotask of its own. */
export function inNextTurn(call: () => void): void {
  immediately(() => {
    beginTurn()
    call()
  })
}

/** A promise that a macrotask settles; all who wait for the same one share it. */
function nextTurn(): Promise<void> {
  breath ??= new Promise((resolve) => {
    inNextTurn(() => {
      breath = undefined
      resolve()
    })
  })
  return breath
}
