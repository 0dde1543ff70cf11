/** What is in maps and sets, as structured clone sees it: a class derived from theirs may iterate over something else. */

const { entries } = Map.prototype
const { values } = Set.prototype

export function entriesOf(map: object): [key: unknown, value: unknown][] {
  return [...entries.call(map as Map<unknown, unknown>)]
}

export function membersOf(set: object): unknown[] {
  return [...values.call(set as Set<unknown>)]
}
