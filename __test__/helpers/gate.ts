/** Something to wait for, opened by hand. */
export class Gate<T = void> {
  readonly opened: Promise<T>
  open!: (value: T) => void

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve
    })
  }
}

/** Lets `count` macrotasks run. */
export async function turns(count = 1): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits, turn by turn, until `condition` holds; AVA's own time-out ends a wait that is in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns()
}
