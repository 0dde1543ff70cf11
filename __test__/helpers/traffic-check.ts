/** Sends any traffic, and compares what arrives with what structured clone makes of it. */
import { deepStrictEqual, fail, ok, strictEqual } from 'node:assert/strict'
import { inspect } from 'node:util'
import { Channel, UncloneableError } from '../../src/index.js'
import { type Blueprint, build } from './blueprint.js'
import { difference } from './difference.js'
import { PRIORITIES, type Received, receiveAll, type Send, type Traffic } from './traffic.js'

/** Where items go before they come back: by way of another thread. */
export interface Echo {
  /** Has all that comes from one channel sent into the other, until the end. */
  start(from: Channel<unknown>, to: Channel<unknown>): Promise<void>
}

/** What is still to arrive. */
interface Expected {
  value: unknown
  id: string | undefined
  headers: Record<string, string>
}

interface CheckOptions {
  marked?: boolean
  echo?: Echo
}

/** Rejects where an item is lost, is another than it was, or comes out of order; gives how many arrived. */
export async function checkTraffic(
  traffic: Traffic,
  { marked = false, echo }: CheckOptions = {},
): Promise<number> {
  const there = new Channel<unknown>({
    capacity: traffic.capacity,
    ...(marked && { priorities: PRIORITIES }),
  })
  const back = echo ? new Channel<unknown>({ capacity: traffic.capacity }) : there
  const expected = new Expectations(traffic, marked, !echo)
  const parts = [
    echo?.start(there, back),
    receiveAll(back, traffic.receives, (received) => received.forEach(expected.check, expected)),
    sendAll(there, traffic.sends, expected),
  ]
  try {
    await Promise.all(parts)
    expected.checkNoneLeft()
    return expected.arrived
  } finally {
    for (const channel of [there, back]) channel.abort()
    // The next one may have the same thread.
    await Promise.allSettled(parts)
  }
}

async function sendAll(
  channel: Channel<unknown>,
  sends: readonly Send[],
  expected: Expectations,
): Promise<void> {
  for (const [number, send] of sends.entries()) await sendBy(channel, send, number, expected)
  channel.close()
}

async function sendBy(
  channel: Channel<unknown>,
  { way, items, headers, named, ...marks }: Send,
  number: number,
  expected: Expectations,
): Promise<void> {
  const clones = items.map(cloneOf)
  const copies = clones.every((clone) => clone !== undefined)
  const options = { ...marks, headers: expected.headersOf(headers, number) }
  const values: unknown[] = []
  const reads: string[] = []
  const make = (item: Blueprint) => {
    const value = build(item, { onRead: (key) => reads.push(key) })
    values.push(value)
    return value
  }
  if (way === 'sendMany') {
    if (copies) expected.add(number, clones)
    const sending = channel.sendMany(items.map(make), options)
    values.forEach(spoil)
    sending.catch(() => {})
    if (!copies) return refused(() => sending)
    deepStrictEqual(
      reads,
      clones.flatMap((clone) => clone?.reads ?? []),
    )
    return sending
  }
  const pending: Promise<void>[] = []
  for (const [index, item] of items.entries()) {
    const clone = clones[index]
    const value = make(item)
    // Before it is sent: it may arrive while its sender waits.
    const id = named && way === 'send' ? `${number} ${index}` : undefined
    if (clone) expected.add(number, [clone], id)
    reads.length = 0
    // It has no headers to go along.
    const tried = way === 'trySend' && options.headers === undefined && trySend(channel, value)
    const sending = tried || channel.send(value, { ...options, id })
    spoil(value)
    // Where an earlier item was wrong, nobody waits for it.
    if (sending !== true) sending.catch(() => {})
    if (!clone) await refused(async () => sending)
    else if (sending !== true) pending.push(sending)
    // With more of them there would be a warning.
    if (pending.length === 10 * channel.capacity) await Promise.all(pending.splice(0))
    if (clone && way === 'send') deepStrictEqual(reads, clone.reads)
  }
  await Promise.all(pending)
}

function trySend(channel: Channel<unknown>, value: unknown): boolean {
  try {
    return channel.trySend(value)
  } catch (error) {
    ok(error instanceof UncloneableError, `expected an UncloneableError, got ${error}`)
    return false
  }
}

async function refused(call: () => Promise<unknown>): Promise<void> {
  const error = await call().then(
    () => undefined,
    (error: unknown) => error,
  )
  ok(error instanceof UncloneableError, `expected an UncloneableError, got ${error}`)
}

interface Clone {
  value: unknown
  /** The getters that were run. */
  reads: string[]
}

/** What structured clone makes of it; undefined where it refuses it, or anything in it that the README says can't travel. */
function cloneOf(item: Blueprint): Clone | undefined {
  const reads: string[] = []
  const value = build(item, { onRead: (key) => reads.push(key), refused: () => () => {} })
  try {
    return { value: structuredClone(value), reads }
  } catch {
    return undefined
  }
}

/** Changes what can be changed: what travels is the value at the moment of the call. */
function spoil(value: unknown): void {
  if (value instanceof Uint8Array) value.fill(0xee)
  else if (value instanceof Map || value instanceof Set) value.clear()
  else if (value instanceof Date) value.setTime(1)
  else if (Array.isArray(value)) value.push('spoilt')
  else if (typeof value === 'object' && value !== null && !(value instanceof Promise))
    Reflect.defineProperty(value, 'spoilt', { value: true, enumerable: true })
}

/** What is to arrive, in the order that is promised: that of each priority and key, or of all. */
class Expectations {
  readonly #sends: readonly Send[]
  readonly #marked: boolean
  readonly #withLabels: boolean
  readonly #queues = new Map<string, Expected[]>()
  arrived = 0

  /** @param withLabels - whether ids and headers arrive, which those of an item that another thread passes on do not */
  constructor({ sends }: Traffic, marked: boolean, withLabels: boolean) {
    this.#sends = sends
    this.#marked = marked
    this.#withLabels = withLabels
  }

  /** What a send's items are given; where they come in another order, what tells whose they are. */
  headersOf(headers: Record<string, string> | undefined, number: number): Record<string, string> | undefined {
    return this.#marked ? { send: `${number}` } : headers
  }

  add(number: number, clones: readonly (Clone | undefined)[], id?: string): void {
    const headers = this.headersOf(this.#sends[number]?.headers, number) ?? {}
    const queue = this.#queueOf(number)
    for (const clone of clones) queue.push({ value: clone?.value, id, headers })
  }

  check({ value, id, headers }: Received): void {
    const expected = this.#queueOf(this.#marked ? Number(headers?.send) : 0).shift()
    if (!expected) fail(`expected no further item, got ${inspect(value)}`)
    const other = difference(value, expected.value)
    if (other !== undefined) fail(`item ${this.arrived}: ${other}`)
    if (headers && this.#withLabels) {
      deepStrictEqual({ ...headers }, expected.headers)
      if (expected.id !== undefined) strictEqual(id, expected.id)
    }
    this.arrived++
  }

  checkNoneLeft(): void {
    const left = [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0)
    ok(left === 0, `expected ${left} more items after ${this.arrived}`)
  }

  #queueOf(number: number): Expected[] {
    const { priority = 0, key } = this.#marked ? (this.#sends[number] as Send) : {}
    const name = JSON.stringify([priority, key])
    const queue = this.#queues.get(name) ?? []
    this.#queues.set(name, queue)
    return queue
  }
}
