/** What is to be done by the end of the turn: staged items leave, items taken ahead go back. */

/** Something with work to do before the event loop goes on. Its `endTurn` must not throw. */
export interface TurnEnd {
  /** Whether what it has is on its way out. */
  readonly sends: boolean
  endTurn(): void
}

const due = new Set<TurnEnd>()
let armed = false
const settled = Promise.resolve()

/**
 * Calls `what.endTurn()` once the microtasks are through: they may go on for long, but all that time new items keep
 * coming, or the event loop is let turn at least every 5 ms.
 */
export function atTurnEnd(what: TurnEnd): void {
  due.add(what)
  if (armed) return
  armed = true
  // A tick that is queued by a macrotask runs before its microtasks, one that is queued by a microtask after them all.
  void settled.then(arm)
}

/** Sends all that is staged. For calls that may wait for something that depends on it. */
export function flush(): void {
  for (const what of due) if (what.sends) finish(what)
}

/** Does it all now. For calls that block. */
export function endTurnNow(): void {
  for (const what of due) finish(what)
}

function finish(what: TurnEnd): void {
  due.delete(what)
  what.endTurn()
}

function arm(): void {
  // Mostly a call that depends on it did it all meanwhile.
  if (due.size > 0) process.nextTick(end)
  else armed = false
}

function end(): void {
  armed = false
  endTurnNow()
}
