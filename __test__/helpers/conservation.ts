import type { ExecutionContext } from 'ava'
import type { SystemStats } from '../../src/index.js'

/**
 * Asserts what is exact at rest: every item that was admitted is accounted for, once. Takes a report too, whose system
 * has ended: then nothing is on its way any more.
 */
export function assertConservation(t: ExecutionContext, stats: SystemStats): void {
  const { produced, processed, deadLettered, discarded, retrying, inFlight, queued } = stats
  t.is(
    produced,
    processed + deadLettered + discarded + retrying + inFlight + queued,
    `produced ${produced} = processed ${processed} + dead-lettered ${deadLettered} + discarded ${discarded}` +
      ` + retrying ${retrying} + in flight ${inFlight} + queued ${queued}`,
  )
  t.true(stats.peakQueued <= stats.capacity, `peak ${stats.peakQueued} within ${stats.capacity}`)
  if (stats.state !== 'stopped' && stats.state !== 'aborted') return
  t.is(retrying + inFlight + queued, 0, 'nothing is left on its way')
}
