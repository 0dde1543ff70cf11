/** How contestants are measured: interleaved, each run in a process of its own, counts verified. */
import type { PeerResult, WorkloadResult } from './result.js'
import { asked, fastMode, judge, median, medianRatio, spread } from './statistics.js'
import { format } from './table.js'
import { MissingToolchain } from './toolchain.js'
import type { Contestant, Workload } from './workload.js'

/** A quick run has this share of the items: enough to see that all of it works, too few to compare. */
const QUICK = 0.05

export interface Measuring {
  rounds: number
  /** A twentieth of the items, and nothing is judged. */
  quick: boolean
  onRun: (line: string) => void
}

/** The runs of one contestant. */
interface Runs {
  /** One a round; NaN where it failed. */
  values: number[]
  failures: string[]
  missing?: string
}

/**
 * Runs ours and every peer in turn, `rounds` times, so that whatever else the machine does hits all of them. Rejects if
 * ours fails, also where it lacks a toolchain; what happens to a peer is part of the result.
 */
export async function measure(workload: Workload, measuring: Measuring): Promise<WorkloadResult> {
  const { rounds, quick, onRun } = measuring
  const ours: Runs = { values: [], failures: [] }
  const peers = workload.peers.map((peer): [Contestant, Runs] => [peer, { values: [], failures: [] }])
  for (let round = 1; round <= rounds; round++) {
    for (const [contestant, runs] of [[workload.ours, ours] as const, ...peers]) {
      if (runs.missing !== undefined) continue
      const items = Math.ceil((contestant.items ?? workload.items) * (quick ? QUICK : 1))
      const line = `${workload.case} ${workload.workload} ${round}/${rounds} ${contestant.name}`
      try {
        const value = await contestant.run(items)
        runs.values.push(value)
        onRun(`${line}: ${format(value)} ${workload.unit}`)
      } catch (error) {
        if (runs === ours) throw error
        const message = error instanceof Error ? error.message.trim() : String(error)
        if (error instanceof MissingToolchain) runs.missing = message
        runs.values.push(Number.NaN)
        runs.failures.push(message)
        onRun(`${line}: ${runs.missing === undefined ? 'failed' : `missing (${message})`}`)
      }
    }
  }
  const better = workload.better ?? 'higher'
  const judged = quick ? undefined : judge(workload, median(ours.values), better)
  return {
    case: workload.case,
    workload: workload.workload,
    unit: workload.unit,
    better,
    ours: median(ours.values),
    oursSpread: spread(ours.values),
    ...(judged && { asked: judged }),
    peers: peers.map(([peer, runs]) => peerResult(peer, runs, ours.values, better, quick)),
  }
}

function peerResult(
  peer: Contestant,
  { values, failures, missing }: Runs,
  ours: readonly number[],
  better: 'higher' | 'lower',
  quick: boolean,
): PeerResult {
  const { name, how } = peer
  const wanted = quick ? undefined : asked(peer)
  if (missing !== undefined) return { name, how, missing, ...(wanted && { asked: wanted }) }
  const measured = values.filter((value) => !Number.isNaN(value))
  const ratio = medianRatio(ours, values)
  const fast = peer.bimodal && measured.length > 0 ? fastMode(ours, measured, better) : undefined
  const judged = quick ? undefined : judge(peer, fast?.ratio ?? ratio, better)
  return {
    name,
    how,
    value: median(measured),
    spread: spread(measured),
    ratio,
    ...(fast && { fast }),
    ...(failures.length > 0 && { failures }),
    ...(judged && { asked: judged }),
  }
}
