/** This JavaScript environment as the native side knows it: its doorbell, and what keeps its event loop alive. */

import { isMainThread } from 'node:worker_threads'
import { Admission, EVENT_WIDTH, Event } from './binding.js'
import { binding } from './native.js'
import { beginTurn } from './turn.js'

/** What a system is told by the doorbell. */
export interface Listener {
  /** Bits of `Notice`. */
  noticed(bits: number): void
  itemsReady(): void
  resultsReady(): void
}

/** Told by the doorbell that there may be items in a channel. */
export type ItemListener = Pick<Listener, 'itemsReady'>

/** Told the end of a send that waited, or that it is `Moving`: its `Admission`, and how many of its items were accepted. */
export type SendListener = (admission: number, accepted: number) => void

const systems = new Map<number, Listener | WeakRef<Listener>>()
const unheld = new FinalizationRegistry<number>((system) => {
  systems.delete(system)
  binding.dropSystem(system)
})
const receivers = new Map<number, ItemListener>()
const sends = new Map<number, SendListener>()
/** How sends ended that nobody listens to yet. */
const early = new Map<number, Parameters<SendListener>>()
const selects = new Map<number, () => void>()
const events = new Float64Array(EVENT_WIDTH * 256)
const handle = binding.openEnvironment(ring, !isMainThread)
let holds = 0
/** Whether the event loop is kept alive, natively. */
let kept = false
let letGoDue = false
const settled = Promise.resolve()

/** The handle by which native calls know this environment. */
export function environmentHandle(): number {
  return handle
}

/** Tells `listener` of what happens to `system`, until it is forgotten; it is not collected meanwhile. */
export function listenTo(system: number, listener: Listener): void {
  unheld.unregister(listener)
  systems.set(system, listener)
}

/** The same for a system that does nothing yet: once nobody holds its listener any more, it is dropped. */
export function listenLoosely(system: number, listener: Listener): void {
  unheld.register(listener, system, listener)
  systems.set(system, new WeakRef(listener))
}

export function forget(system: number): void {
  const listener = listenerOf(system)
  if (listener) unheld.unregister(listener)
  systems.delete(system)
}

function listenerOf(system: number): Listener | undefined {
  const listener = systems.get(system)
  return listener instanceof WeakRef ? listener.deref() : listener
}

/** Tells `listener` of items in `channel`, until it is forgotten. */
export function listenToItems(channel: number, listener: ItemListener): void {
  receivers.set(channel, listener)
}

export function forgetItems(channel: number): void {
  receivers.delete(channel)
}

/** Tells `listener` of the end of a send that waits, and of what is accepted before. Until then the event loop is kept alive. */
export function listenToSend(send: number, listener: SendListener): void {
  const end = early.get(send)
  if (end) {
    early.delete(send)
    listener(...end)
    return
  }
  hold()
  sends.set(send, listener)
}

/**
 * Takes a send that waits out of the channel; returns how many of its items had been accepted by then. Null where it was
 * over: who listens hears how it ended before this returns, or in the batch of events that is being told.
 */
export function cancelSend(send: number): number | null {
  const end = binding.cancelSend(handle, send)
  if (end === null) return null
  const { admission, accepted } = end
  if (admission === Admission.Full) {
    if (sends.delete(send)) release()
    return accepted
  }
  if (sends.has(send)) sendMoved(send, admission, accepted)
  else early.set(send, [admission, accepted])
  return null
}

function sendMoved(send: number, admission: number, accepted: number): void {
  const listener = sends.get(send)
  if (!listener) return
  if (admission === Admission.Moving) {
    listener(admission, accepted)
    return
  }
  sends.delete(send)
  try {
    listener(admission, accepted)
  } finally {
    release()
  }
}

/** Calls `look` whenever a case of a select that waits may be ready. Until it is forgotten the event loop is kept alive. */
export function listenToSelect(select: number, look: () => void): void {
  hold()
  selects.set(select, look)
}

export function forgetSelect(select: number): void {
  if (selects.delete(select)) release()
}

/** Keeps the event loop alive until as many calls of `release`: the native switch is on or off, and does not count. */
export function hold(): void {
  if (holds++ > 0 || kept) return
  kept = true
  binding.keepAlive(handle, true)
}

/** The event loop is let go once the turn's work is done: mostly that begins the next wait, which would keep it again. */
export function release(): void {
  if (--holds > 0 || letGoDue) return
  letGoDue = true
  void settled.then(() => process.nextTick(letGo))
}

function letGo(): void {
  letGoDue = false
  if (holds > 0) return
  kept = false
  binding.keepAlive(handle, false)
}

/** Called natively, in a macrotask of its own; nothing may be thrown back from here. */
function ring(): void {
  beginTurn()
  for (;;) {
    const count = binding.takeEvents(handle, events)
    for (let row = 0; row < count * EVENT_WIDTH; row += EVENT_WIDTH) {
      try {
        tell(events[row], events[row + 1] as number, events[row + 2] as number, events[row + 3] as number)
      } catch (error) {
        throwLater(error)
      }
    }
    if (count * EVENT_WIDTH < events.length) return
  }
}

function tell(event: number | undefined, id: number, first: number, second: number): void {
  switch (event) {
    case Event.Sent:
      sendMoved(id, first, second)
      break
    case Event.Notice:
      listenerOf(id)?.noticed(first)
      break
    case Event.Items:
      ;(listenerOf(id) ?? receivers.get(id))?.itemsReady()
      break
    case Event.Results:
      listenerOf(id)?.resultsReady()
      break
    case Event.Select:
      selects.get(id)?.()
  }
}

/** An error in user code that nobody waits for, such as an event listener's, becomes an uncaught exception. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
