const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar of `width` cells that shows how much of `capacity` is taken, to an eighth of a cell. */
export function gauge(queued: number, capacity: number, width: number): string {
  const share = Math.min(Math.max(queued / capacity, 0), 1)
  const eighths = Math.round(share * width * 8)
  const bar = '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
  return bar.padEnd(width, '░')
}
