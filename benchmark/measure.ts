/** How contestants are measured: interleaved, each run in a process of its own, counts verified. */

/** One side of a comparison. */
export interface Contestant {
  name: string
  /** How items are pushed and handled, in a line. */
  how: string
  /** Runs once in a fresh process, verifies what arrived, and gives the rate in the workload's unit. */
  run: (items: number) => Promise<number>
  /** How many items a run has, where the workload's number would take too long. */
  items?: number
  /** Whether its rate depends on which of two modes a process happens to get into; its fast mode is told apart then. */
  bimodal?: boolean
}

export interface Workload {
  /** The case's name in the JSON. */
  case: string
  workload: string
  /** What `value` counts; larger is better. */
  unit: string
  /** How many items a run has. */
  items: number
  ours: Contestant
  peers: Contestant[]
}

export interface PeerResult {
  name: string
  how: string
  /** The median over the rounds. */
  value: number
  /** The lowest and the highest. */
  spread: [number, number]
  /** The median of ours / theirs over the rounds: above 1, ours is better. */
  ratio: number
  /** The fast mode of a peer that is bimodal. */
  fast?: FastMode
  /** Why it has no figure from some of its runs. The others count. */
  failures?: string[]
}

/** The runs that come to at least 80 % of the best one. */
export interface FastMode {
  runs: number
  /** Their median. */
  value: number
  /** The median of all our runs / `value`: nothing of ours is left out. */
  ratio: number
}

export interface WorkloadResult {
  case: string
  workload: string
  unit: string
  /** The median over the rounds. */
  ours: number
  oursSpread: [number, number]
  peers: PeerResult[]
}

/** What a run has to come to, of the best one, to be in the fast mode. The modes of `postMessage` lie further apart. */
const FAST = 0.8

/** A quick run has this share of the items: enough to see that all of it works, too few to compare. */
const QUICK = 0.05

export interface Measuring {
  rounds: number
  quick: boolean
  onRun: (line: string) => void
}

/** Runs ours and every peer in turn, `rounds` times, so that whatever else the machine does hits all of them. */
export async function measure(
  workload: Workload,
  { rounds, quick, onRun }: Measuring,
): Promise<WorkloadResult> {
  const contestants = [workload.ours, ...workload.peers]
  const values = contestants.map(() => [] as number[])
  const failures = contestants.map(() => [] as string[])
  for (let round = 1; round <= rounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      const items = Math.ceil((contestant.items ?? workload.items) * (quick ? QUICK : 1))
      const line = `${workload.case} ${workload.workload} ${round}/${rounds} ${contestant.name}`
      try {
        const value = await contestant.run(items)
        values[index]?.push(value)
        onRun(`${line}: ${format(value)} ${workload.unit}`)
      } catch (error) {
        if (index === 0) throw error
        values[index]?.push(Number.NaN)
        failures[index]?.push(error instanceof Error ? error.message.trim() : String(error))
        onRun(`${line}: failed`)
      }
    }
  }
  const [ours = [], ...theirs] = values
  return {
    case: workload.case,
    workload: workload.workload,
    unit: workload.unit,
    ours: median(ours),
    oursSpread: spread(ours),
    peers: workload.peers.map((peer, index) => {
      const runs = theirs[index] ?? []
      const values = runs.filter((value) => !Number.isNaN(value))
      const ratios = runs.map((value, round) => (ours[round] ?? Number.NaN) / value)
      const failed = failures[index + 1] ?? []
      return {
        name: peer.name,
        how: peer.how,
        value: median(values),
        spread: spread(values),
        ratio: median(ratios.filter((ratio) => !Number.isNaN(ratio))),
        ...(failed.length > 0 && { failures: failed }),
        ...(peer.bimodal && { fast: fastMode(ours, values) }),
      }
    }),
  }
}

function fastMode(ours: readonly number[], theirs: readonly number[]): FastMode {
  const fast = theirs.filter((value) => value >= FAST * Math.max(...theirs))
  const value = median(fast)
  return { runs: fast.length, value, ratio: median(ours) / value }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]]
  return (low + high) / 2
}

function spread(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)]
}

export function format(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value)
}
