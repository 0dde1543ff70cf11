/** Looks at its item and returns nothing. */
export default function look(value: number): void {
  if (typeof value !== 'number') throw new TypeError(`expected a number, got ${typeof value}`)
}
