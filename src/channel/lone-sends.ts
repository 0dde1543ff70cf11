/** Turns in which a single item is sent, such as those of a request that waits for its answer. */

import { currentTurn } from '../turn.js'

/**
 * Where turns have one item, to take credit and to spend it are two native calls for one, and whoever waits for the item is
 * woken at the end of the turn only. So after such a turn the next one's first item leaves at once, by itself.
 */
export class LoneSends {
  /** How many sends went the usual way in this turn so far. */
  #sends = 0
  /** Whether the last turn that ended had a single one. */
  #lone = false
  /** The turn in which an item left by itself. */
  #leftIn = -1

  /** Whether an item may leave by itself: there is no other of this turn before it. */
  mayLeave(): boolean {
    return this.#lone && this.#sends === 0 && this.#leftIn !== currentTurn()
  }

  left(): void {
    this.#leftIn = currentTurn()
  }

  sent(): void {
    this.#sends++
  }

  endTurn(): void {
    if (this.#sends > 0) this.#lone = this.#sends === 1
    this.#sends = 0
  }
}
