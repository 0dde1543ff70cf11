/** What is compared, and what is asked of it. */

/** What is asked: a bar must be met, an aim is what to try for after that. At least, or at most where smaller is better. */
export interface Asked {
  bar?: number
  aim?: number
}

/** One side of a comparison; what is asked of a peer is asked of ours / theirs. */
export interface Contestant extends Asked {
  name: string
  /** How items are pushed and handled, in a line. */
  how: string
  /**
   * Runs once in a fresh process, verifies what arrived, and gives the figure in the workload's unit. Throws
   * `MissingToolchain` where the contestant can't be built or run on this machine.
   */
  run: (items: number) => Promise<number>
  /** How many items a run has, where the workload's number would take too long. */
  items?: number
  /** Whether its figure depends on which of two modes a process happens to get into; its fast mode is told apart then. */
  bimodal?: boolean
}

/** What is asked of a workload itself is asked of the median of ours, in the workload's unit. */
export interface Workload extends Asked {
  /** The case's name in the JSON. */
  case: string
  workload: string
  /** What a figure counts. */
  unit: string
  /** Whether a larger figure is better, as for rates, or a smaller one, as for times; larger unless given. */
  better?: 'higher' | 'lower'
  /** How many items a run has. */
  items: number
  ours: Contestant
  peers: Contestant[]
}
