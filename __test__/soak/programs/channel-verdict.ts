/** Whether what a ledger says can have happened, by the promises of a channel. */

import { type Ledger, Sent } from './channel-ledger.js'

/** How a round ended. */
export interface End {
  /** Which items each thread had to send. */
  senders: readonly { thread: number; from: number; to: number }[]
  /** The threads that died. */
  dead: ReadonlySet<number>
  /** The channel's own counts: what an abort found on its way, and what sends dropped. */
  discarded: number
  dropped: number
}

export interface Verdict {
  /** Items whose sends were admitted. */
  admitted: number
  /** Those that died with a thread on their way into its hands, or in the turn in which it had sent them. */
  diedWith: number
  lost: number
  /** Which of them it may have been. */
  missing: number[]
  duplicated: number[]
  /** Came although their sends were refused, or they were never sent. */
  uncalled: number[]
  /** Whatever else can't be. */
  impossible: string[]
}

/**
 * Each item that was admitted is received, settled, dropped, or came back by the abort, once. It may be missing where the abort
 * counted it, where its sender died in the turn of the send, or where it was on its way to code that died. It may be
 * handed over again where it was given back, or its holder died.
 */
export function judge(ledger: Ledger, { senders, dead, discarded, dropped }: End): Verdict {
  const verdict: Verdict = {
    admitted: 0,
    diedWith: 0,
    lost: 0,
    missing: [],
    duplicated: [],
    uncalled: [],
    impossible: [],
  }
  const { received, leased, settled, givenBack, withdrawn, held } = ledger
  let told = 0
  let discardable = 0
  for (const { thread, from, to } of senders) {
    const firm = dead.has(thread) ? ledger.of(thread, 'firm') : to
    for (let item = from; item < to; item++) {
      const sent = ledger.sent[item] as number
      const ends = (received[item] as number) + (withdrawn[item] as number) + (ledger.dropped[item] as number)
      const handOvers = ends + (leased[item] as number)
      told += ledger.dropped[item] as number
      if (sent === Sent.admitted) verdict.admitted++
      if (handOvers > 0 && (sent === Sent.no || sent === Sent.refused)) verdict.uncalled.push(item)
      // Most items end here.
      if (handOvers === 1 && ends === 1) continue
      if (handOvers > 1 && handOvers > 1 + (givenBack[item] as number) + holders(held[item] as number, dead))
        verdict.duplicated.push(item)
      if (ends > 0) continue
      // Whoever settles a lease notes it first, and may die in between.
      const settles = (settled[item] as number) > 0
      if (settles && holders(held[item] as number, dead) === 0) continue
      if (sent === Sent.admitted || sent === Sent.called) discardable++
      if (settles || sent !== Sent.admitted) continue
      if (item >= firm) verdict.diedWith++
      else verdict.missing.push(item)
    }
  }
  const reach = [...dead].reduce((sum, thread) => sum + ledger.of(thread, 'reach'), 0)
  // Who drops an item tells its number, unless it dies meanwhile.
  const untold = dropped - told
  if (untold !== 0 && (untold < 0 || dead.size === 0))
    verdict.impossible.push(`${told} items were told as dropped, and the channel counts ${dropped}`)
  if (discarded > discardable)
    verdict.impossible.push(`${discarded} items were discarded, of which only ${discardable} can be`)
  verdict.lost = Math.max(0, verdict.missing.length - discarded - Math.max(0, untold) - reach)
  verdict.diedWith += Math.max(0, Math.min(reach, verdict.missing.length - discarded))
  return verdict
}

/** How many of the threads in `bits` are dead. */
function holders(bits: number, dead: ReadonlySet<number>): number {
  let count = 0
  for (const thread of dead) count += (bits >> thread) & 1
  return count
}
