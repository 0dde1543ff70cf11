/** What comes of a workload, as it stands in the JSON. */
import type { Asked } from './workload.js'

export interface WorkloadResult {
  case: string
  workload: string
  unit: string
  better: 'higher' | 'lower'
  /** The median over the rounds. */
  ours: number
  /** The lowest and the highest. */
  oursSpread: [number, number]
  /** What is asked of the median of ours. */
  asked?: Judged
  peers: PeerResult[]
}

export type PeerResult = MeasuredPeer | MissingPeer

export interface MeasuredPeer {
  name: string
  how: string
  /** The median over the rounds; NaN, in the JSON null, where every run failed. */
  value: number
  spread: [number, number]
  /** The median of ours / theirs over the rounds. */
  ratio: number
  /** The fast mode of a peer that is bimodal. */
  fast?: FastMode
  /** Why it has no figure from some of its runs. The others count. */
  failures?: string[]
  /** What is asked of the ratio: of that to the fast mode, where there is one. */
  asked?: Judged
}

/** A peer whose toolchain is not on this machine. */
export interface MissingPeer {
  name: string
  how: string
  /** Which program, and what was tried. */
  missing: string
  /** What would be asked. */
  asked?: Asked
}

/** The runs that come within a fifth of the best one. */
export interface FastMode {
  runs: number
  /** Their median. */
  value: number
  /** The median of all our runs / `value`: nothing of ours is left out. */
  ratio: number
}

export interface Judged extends Asked {
  /** Which is met: an aim implies the bar. */
  met: 'aim' | 'bar' | 'none'
}
