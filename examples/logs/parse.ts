// The first stage, in worker threads: a line of an access log (Common Log Format, with the time taken behind it)
// becomes a record. What it throws makes the line a dead letter.

import type { Line } from './source.js'

export interface Hit {
  address: string
  time: Date
  method: string
  path: string
  status: number
  bytes: number
  ms: number
}

const FORMAT = /^(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+) HTTP\/[\d.]+" (\d{3}) (\d+|-) (\d+)$/

export default function parse({ file, number, text }: Line): Hit {
  const match = FORMAT.exec(text)
  if (!match)
    throw new SyntaxError(`${file}:${number}: expected a line of an access log, got ${text.slice(0, 40)}`)
  const [, address = '', time = '', method = '', path = '', status, bytes, ms] = match
  return {
    address,
    time: timeOf(time),
    method,
    path,
    status: Number(status),
    bytes: bytes === '-' ? 0 : Number(bytes),
    ms: Number(ms),
  }
}

/** From `24/Nov/2026:13:05:00 +0000`. */
function timeOf(text: string): Date {
  return new Date(text.replace(/^(\d+)\/(\w+)\/(\d+):/, '$2 $1 $3 '))
}
