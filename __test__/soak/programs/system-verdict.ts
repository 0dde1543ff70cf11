/** Whether what a ledger says can have happened, by the promises of a system. */

import type { SystemStats } from '../../../src/index.js'
import { Sent, type SystemLedger } from './system-ledger.js'

export interface SystemEnd {
  report: Pick<
    SystemStats,
    | 'produced'
    | 'processed'
    | 'deadLettered'
    | 'discarded'
    | 'retrying'
    | 'inFlight'
    | 'queued'
    | 'peakQueued'
    | 'capacity'
  >
  /** Whether every result was read. */
  allResults: boolean
  /** How many items workers may have had in hand when they died. */
  atDeath: number
}

export interface SystemVerdict {
  admitted: number
  lost: number[]
  duplicated: number[]
  /** Figures that contradict one another. */
  impossible: string[]
}

/**
 * Each item that was admitted is processed, a dead letter, unprocessed or dropped, once for each time that it was sent. It is
 * done with once, or once more for each time that its worker died, or its attempt was broken off, when it was.
 */
export function judgeSystem(ledger: SystemLedger, { report, allResults, atDeath }: SystemEnd): SystemVerdict {
  const verdict: SystemVerdict = { admitted: 0, lost: [], duplicated: [], impossible: [] }
  const sums = { processed: 0, deadLettered: 0, discarded: 0 }
  const doneAgain: number[] = []
  let cutShort = 0
  for (let item = 0; item < ledger.items; item++) {
    const of = (column: Uint8Array): number => column[item] as number
    const aside = of(ledger.letters) + of(ledger.unprocessed) + of(ledger.dropped)
    const seen = aside + of(ledger.begun) + of(ledger.results) > 0
    const sent = of(ledger.sent)
    if (seen && (sent === Sent.no || sent === Sent.refused)) verdict.duplicated.push(item)
    const untold = sent === Sent.called || sent === Sent.brokenOff
    const admissions = (sent === Sent.admitted || (untold && seen) ? 1 : 0) + of(ledger.redriven)
    const hasReader = allResults && sent !== Sent.brokenOff
    const processed = admissions - aside
    verdict.admitted += admissions
    cutShort += of(ledger.cutShort)
    sums.processed += processed
    sums.deadLettered += of(ledger.letters)
    sums.discarded += of(ledger.unprocessed) + of(ledger.dropped)
    const settledFor = of(ledger.told) - of(ledger.brokenOff)
    if (processed < 0 || of(ledger.results) > processed || settledFor > processed)
      verdict.duplicated.push(item)
    else if (of(ledger.finished) < processed || (hasReader && of(ledger.results) < processed))
      verdict.lost.push(item)
    else if (of(ledger.finished) > processed + of(ledger.cutShort) + of(ledger.brokenOff))
      doneAgain.push(item)
  }
  if (cutShort > atDeath)
    verdict.impossible.push(`${cutShort} items gained a death, where workers had only ${atDeath} in hand`)
  // Of attempts that failed the system forgets the oldest, where too many are untold.
  if (doneAgain.length > Math.max(0, atDeath - cutShort)) verdict.duplicated.push(...doneAgain)
  const { produced, processed, deadLettered, discarded, retrying, inFlight, queued } = report
  const accounted = processed + deadLettered + discarded + retrying + inFlight + queued
  if (produced !== accounted || retrying + inFlight + queued > 0)
    verdict.impossible.push(
      `produced ${produced} is not the sum of the others, ${accounted}, all of them settled`,
    )
  if (report.peakQueued > report.capacity)
    verdict.impossible.push(`peak ${report.peakQueued} beyond ${report.capacity}`)
  const told = { produced: verdict.admitted, ...sums }
  for (const name of ['produced', 'processed', 'deadLettered', 'discarded'] as const)
    if (told[name] !== report[name])
      verdict.impossible.push(`${name} is ${report[name]}, of which ${told[name]} are known by their numbers`)
  return verdict
}
