/** Garbage that is collected, and native handles that go with it. */

import { isDeepStrictEqual } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ExecutionContext } from 'ava'
import { binding } from '../../src/native.js'
import { turns } from './gate.js'

setFlagsFromString('--expose-gc')
/** Collects all garbage. What only a finalizer or a microtask lets go of takes a few turns more. */
export const collect: () => void = runInNewContext('gc')

const ROUNDS = 200

/** Collects until `condition` holds; whether it did at last. */
export async function collectUntil(condition: () => boolean): Promise<boolean> {
  for (let round = 0; round < ROUNDS && !condition(); round++) {
    // What a WeakRef was asked for lives until the end of the turn.
    await turns(2)
    collect()
  }
  return condition()
}

/** Objects that are expected to be collected, by what they are. */
export class Expendable {
  readonly #refs: [what: string, ref: WeakRef<object>][] = []

  add<V extends object>(what: string, value: V): V {
    this.#refs.push([what, new WeakRef(value)])
    return value
  }

  /** What is left, mostly because the garbage was not collected yet. */
  left(): string[] {
    return this.#refs.filter(([, ref]) => ref.deref() !== undefined).map(([what]) => what)
  }

  async assertCollected(t: ExecutionContext): Promise<void> {
    await collectUntil(() => this.left().length === 0)
    t.deepEqual(this.left(), [])
  }
}

/** How many native handles there are of each kind, in the whole process. */
export function liveHandles(): Record<string, number> {
  return binding.liveHandles()
}

/** Asserts that collecting garbage brings the native handles back to `before`, but for so many `more`. */
export async function assertHandles(
  t: ExecutionContext,
  before: Record<string, number>,
  more: Record<string, number> = {},
): Promise<void> {
  const expected = Object.fromEntries(
    Object.entries(before).map(([kind, count]) => [kind, count + (more[kind] ?? 0)]),
  )
  await collectUntil(() => isDeepStrictEqual(liveHandles(), expected))
  t.deepEqual(liveHandles(), expected)
}
