// The last stage, on the main thread: sums, which need no threads.

import type { EnrichedHit } from './enrich.js'

interface Section {
  hits: number
  bytes: number
  errors: number
  slowest: number
}

export class Aggregate {
  readonly #sections = new Map<string, Section>()
  readonly #outcomes = new Map<string, number>()
  readonly #hours = new Map<number, number>()

  add({ section, outcome, hour, bytes, ms }: EnrichedHit): void {
    const sums = this.#sections.get(section) ?? { hits: 0, bytes: 0, errors: 0, slowest: 0 }
    sums.hits++
    sums.bytes += bytes
    if (outcome === '5xx') sums.errors++
    sums.slowest = Math.max(sums.slowest, ms)
    this.#sections.set(section, sums)
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + 1)
  }

  *lines(): Generator<string> {
    for (const [section, { hits, bytes, errors, slowest }] of [...this.#sections].sort()) {
      yield `${section}: ${hits} hits, ${bytes} bytes, ${errors} errors, slowest ${slowest} ms`
    }
    yield [...this.#outcomes]
      .sort()
      .map(([outcome, hits]) => `${outcome} ${hits}`)
      .join(', ')
    const [busiest] = [...this.#hours].sort(([a, m], [b, n]) => n - m || a - b)
    if (busiest) yield `busiest hour: ${busiest[0]}:00 UTC with ${busiest[1]} hits`
  }
}
