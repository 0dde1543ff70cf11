/** A handler and a source for workers. */

export async function handle(n: number): Promise<number> {
  if (n % 7 === 0) await new Promise(setImmediate)
  return -n
}

/** Each tenth item ends its worker in the first attempt. */
export function die(n: number, { attempt }: { attempt: number }): number {
  if (n % 10 === 5 && attempt === 1) process.exit(0)
  return n
}

export function* make(): Generator<number> {
  for (let n = 0; ; n++) yield n
}

/** Each hundredth item runs out of the worker's heap in the first attempt. */
export function fill(n: number, { attempt }: { attempt: number }): number {
  const kept: unknown[] = []
  while (n % 100 === 5 && attempt === 1) kept.push(new Array(10_000).fill(n))
  return n
}
