/** What the senders of items gave them, for the contexts of their handlers. */

import type { NativeLabel, NativeLabels } from './binding.js'
import { parseHeaders } from './channel/send-options.js'

/** That of one item, or of several that were sent together. Headers are parsed once somebody looks. */
export class Label {
  readonly id: string | undefined
  readonly #json: string | undefined
  #headers: Readonly<Record<string, string>> | undefined

  constructor({ id, headers }: NativeLabel) {
    this.id = id
    this.#json = headers
  }

  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= parseHeaders(this.#json)
    return this.#headers
  }
}

/** Those of a chunk, whose items have numbers that follow each other. */
export class Labels {
  readonly #labels: Label[]
  readonly #places: number[]
  readonly #first: number

  /** @param first - the number of the first item */
  constructor({ labels, places }: NativeLabels, first: number) {
    this.#labels = labels.map((label) => new Label(label))
    this.#places = places
    this.#first = first
  }

  /** That of item `number`, if it has one. */
  of(number: number): Label | undefined {
    return this.#labels[(this.#places[number - this.#first] as number) - 1]
  }
}
