/** What is made of the figures of several runs. */
import type { FastMode, Judged } from './result.js'
import type { Asked } from './workload.js'

type Better = 'higher' | 'lower'

/** How far from the best run one may be to be in its mode. The modes of `postMessage` lie further apart. */
const SAME_MODE = 0.8

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]]
  return (low + high) / 2
}

/** The lowest and the highest; NaN without values, which JSON has no infinities for. */
export function spread(values: readonly number[]): [number, number] {
  return values.length === 0 ? [Number.NaN, Number.NaN] : [Math.min(...values), Math.max(...values)]
}

/** The median of ours / theirs over the rounds in which they have a figure. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  const ratios = theirs.map((value, round) => (ours[round] ?? Number.NaN) / value)
  return median(ratios.filter((ratio) => !Number.isNaN(ratio)))
}

/** The runs of `theirs` that lie near the best: the highest rate, or the shortest time. */
export function fastMode(ours: readonly number[], theirs: readonly number[], better: Better): FastMode {
  const best = better === 'higher' ? Math.max(...theirs) : Math.min(...theirs)
  const fast = theirs.filter((value) =>
    better === 'higher' ? value >= SAME_MODE * best : value <= best / SAME_MODE,
  )
  const value = median(fast)
  return { runs: fast.length, value, ratio: median(ours) / value }
}

/** What `figure` meets of what is asked; nothing where nothing is. A figure that is NaN meets nothing. */
export function judge(from: Asked, figure: number, better: Better): Judged | undefined {
  const limits = asked(from)
  if (!limits) return undefined
  const { bar, aim } = limits
  const meets = (limit: number | undefined) =>
    limit !== undefined && (better === 'higher' ? figure >= limit : figure <= limit)
  const met = meets(aim) ? 'aim' : meets(bar) ? 'bar' : 'none'
  return { ...limits, met }
}

/** Just what is asked of something, if anything is. */
export function asked({ bar, aim }: Asked): Asked | undefined {
  if (bar === undefined && aim === undefined) return undefined
  return { ...(bar !== undefined && { bar }), ...(aim !== undefined && { aim }) }
}
