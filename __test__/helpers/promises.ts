import test, { type ImplementationFn } from 'ava'

/**
 * A test of something that others promise, and we do too: its title begins with where they say so.
 *
 * @param source - document and section, such as `Go spec, Close`
 */
export function promises(source: string, promise: string, holds: ImplementationFn<[]>): void {
  test(`${source}: ${promise}`, holds)
}
