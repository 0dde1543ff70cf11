import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { arrived, WINDOW } from './contest.js'
import type { PayloadName } from './payloads.js'
import { checker } from './send.js'

export interface PeerData {
  payload: PayloadName
  items: number
  /** What a message is. */
  message: 'value' | 'array'
  /** Whether a listener that was called takes all messages that are there. */
  drain: boolean
}

/**
 * Values an acknowledgement: half a window, so that the other half is on its way meanwhile. From 100 to 1000 there is no
 * clear difference; one for each value takes almost twice the time.
 */
const ACKNOWLEDGED = WINDOW / 2

const port = parentPort as MessagePort
const { payload, items, message, drain } = workerData as PeerData
const check = checker(payload)
let unacknowledged = 0

function heard(count: number): void {
  unacknowledged += count
  if (arrived.count === items) {
    port.postMessage(arrived)
    port.close()
  } else if (unacknowledged >= ACKNOWLEDGED) {
    unacknowledged = 0
    port.postMessage(arrived.count)
  }
}

function hear(value: unknown): void {
  check(value)
  heard(1)
}

function hearArray(values: unknown[]): void {
  for (const value of values) check(value)
  heard(values.length)
}

function hearAll(value: unknown): void {
  hear(value)
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) hear(next.message)
}

// `on` of Node's own is faster than `onmessage`.
if (message === 'array') port.on('message', hearArray)
else port.on('message', drain ? hearAll : hear)
port.postMessage('ready')
