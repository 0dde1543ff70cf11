// The second stage, in worker threads too: adds what the aggregate is grouped by.

import type { Hit } from './parse.js'

export interface EnrichedHit extends Hit {
  /** The first part of the path. */
  section: string
  /** `2xx`, `3xx`, … */
  outcome: string
  /** Of the day, in UTC. */
  hour: number
}

export default function enrich(hit: Hit): EnrichedHit {
  const { pathname } = new URL(hit.path, 'http://localhost')
  return {
    ...hit,
    section: `/${pathname.split('/')[1] ?? ''}`,
    outcome: `${Math.floor(hit.status / 100)}xx`,
    hour: hit.time.getUTCHours(),
  }
}
