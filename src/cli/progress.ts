/** How a run shows on stderr while it goes on. */

import type { WriteStream } from 'node:tty'
import type { SystemStats } from '../stats.js'
import { LiveProgress } from './live.js'
import { PlainProgress } from './plain.js'

/** A view of a running system. Each of its calls writes at once; none waits. */
export interface Progress {
  /** ms between two updates. */
  readonly interval: number
  /** Shows where the system is. */
  update(stats: SystemStats): void
  /** Adds a line that stays. */
  note(line: string): void
  /** Calls `write` while the terminal is free of anything that moves. */
  around(write: () => void): void
  /** Ends the view; lines that were added stay. */
  close(): void
}

/** The live block where `stream` is a terminal of a known size that can move its cursor, else plain lines. */
export function progressOn(stream: WriteStream, duration: number | undefined): Progress {
  // One that has not been told its size says 0.
  const live = stream.isTTY && stream.columns > 0 && stream.rows > 0 && process.env.TERM !== 'dumb'
  return live ? new LiveProgress(stream, duration) : new PlainProgress(stream)
}
