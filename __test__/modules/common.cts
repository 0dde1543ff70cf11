/** A CommonJS module. */

let factor = 1

export = {
  init(value: number): void {
    factor = value
  },
  default: (item: number): number => item * factor,
  triple: (item: number): number => item * 3,
}
