/** How operations that never wait still let the event loop turn, so that timers and signals live beside them. */

import { performance } from 'node:perf_hooks'

/** ms after which a macrotask is due. The promise is 5; the rest is for what one operation takes. */
const BUDGET = 4
/** The most operations between two looks at the clock, which cost several times what an operation does. */
const MAX_STRIDE = 32
/** ms between two looks above which operations are slow, so that each is to look. */
const SLOW = 0.5

const settled = Promise.resolve()
/** As it was when this was loaded: fake timers of a test are for the test's own, and would stop every operation. */
export const immediately = setImmediate
let turned = performance.now()
let looked = turned
let stride = 1
let countdown = 1
let breath: Promise<void> | undefined

/** Says that a macrotask has just begun. */
export function beginTurn(): void {
  turned = performance.now()
  looked = turned
}

/** Has `recently` tell the time of now: where a turn may have begun that nobody told of. */
export function lookAtClock(): void {
  looked = performance.now()
}

/** The time in ms, as of a few operations ago: free of charge. */
export function recently(): number {
  return looked
}

/** The turn that is under way, as far as it is known: it stays the same for all that runs in one. */
export function currentTurn(): number {
  return turned
}

/** How many operations may be done before `turnIsDue` is to be asked. */
export function operationsInTurn(): number {
  return countdown
}

/** Whether, after so many more operations, a macrotask should be let run before the next one. */
export function turnIsDue(operations = 1): boolean {
  countdown -= operations
  if (countdown > 0) return false
  const now = performance.now()
  stride = now - looked > SLOW ? 1 : Math.min(stride * 2, MAX_STRIDE)
  countdown = stride
  looked = now
  if (now - turned < BUDGET) return false
  countdown = 1
  return true
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
