/** A handler that notes when it gets each item. */

let times: Float64Array

export function init(memory: SharedArrayBuffer): void {
  times = new Float64Array(memory)
}

/** In seconds, on a clock that all threads share. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds + nanoseconds / 1e9
}

export default function note(item: number): void {
  times[item] = now()
}
