/** Handlers that send, of the items below 0. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../../src/index.js'
import { Cells } from '../helpers/cells.js'

let cells: Cells

export const GATE = 0
export const SENT = 1
export const REFUSED = 2
export const ARRIVED = 3

export function init(memory: SharedArrayBuffer): void {
  cells = new Cells(memory)
}

async function send(context: Context, item: number): Promise<void> {
  try {
    await context.send(item)
    cells.count(SENT)
  } catch (error) {
    if ((error as { code: string }).code !== 'ERR_MILLRACE_WOULD_DEADLOCK') throw error
    cells.count(REFUSED)
  }
}

/** Sends as many items. */
export async function fanOut(item: number, context: Context): Promise<number> {
  if (item >= 0) cells.count(ARRIVED)
  for (let next = 0; next < -item; next++) await send(context, next)
  return item
}

export async function sendsOne(item: number, context: Context): Promise<void> {
  if (item >= 0) cells.count(ARRIVED)
  else await send(context, 1)
}

export async function sendsTwo(item: number, context: Context): Promise<void> {
  if (item >= 0) return
  await send(context, 1)
  await send(context, 2)
}

/** All three workers send at once. */
export async function sendsThree(item: number, context: Context): Promise<void> {
  if (item >= 0) {
    cells.count(ARRIVED)
    return
  }
  cells.count(GATE)
  while (cells.get(GATE) < 3) await sleep(1)
  for (const next of [1, 2, 3]) await send(context, next)
}

export async function waits(): Promise<void> {
  cells.count(ARRIVED)
  await cells.opened(GATE)
}

/** The first attempt fills the channel, and dies while it waits for room. */
export async function diesWaiting(item: number, context: Context): Promise<void> {
  if (item >= 0) {
    // The other worker makes no room before this one has died.
    await cells.opened(GATE)
    return
  }
  if (context.attempt === 2) {
    cells.count(GATE)
    await send(context, 9)
    return
  }
  for (let next = 0; next < 2; next++) await send(context, next)
  void send(context, 2)
  await sleep(5)
  process.exit(0)
}

export function stops(item: number, context: Context): void {
  if (item === 3) context.stop()
}

/** Once the gate is open; says what became of it. */
export async function sendsLate(_: number, context: Context): Promise<string> {
  cells.count(ARRIVED)
  await cells.opened(GATE)
  return await context.send(1).then(
    () => 'sent',
    (error: { code: string }) => error.code,
  )
}

export async function sendsBadly(item: number, context: Context): Promise<string[] | undefined> {
  if (item === 0) return
  const codes: string[] = []
  const refused = (error: { code?: string; name: string }): void => {
    codes.push(typeof error.code === 'string' ? error.code : 'ABORT_ERR')
  }
  await context.send(0, { timeout: -1 }).catch(refused)
  await context.send(0, { signal: AbortSignal.abort() }).catch(refused)
  await context.send(() => 0).catch(refused)
  return codes
}
