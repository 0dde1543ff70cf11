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

/** Those of a chunk. */
export class Labels {
  readonly #labels: Label[]
  readonly #places: number[]

  constructor({ labels, places }: NativeLabels) {
    this.#labels = labels.map((label) => new Label(label))
    this.#places = places
  }

  of(index: number): Label | undefined {
    return this.#labels[(this.#places[index] as number) - 1]
  }
}
