/** Numbers and names as people read them. */

const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** `12,345` */
export function formatCount(count: number): string {
  return COUNT.format(count)
}

/** `1 item`, `2 items` */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `401.2` below a thousand, `12,345` above; items/s. */
export function formatRate(rate: number): string {
  return rate < 999.95 ? rate.toFixed(1) : formatCount(rate)
}

/** `0.8 s`, `12.5 s`, `2 min 05 s`, `1 h 02 min`, from ms. */
export function formatElapsed(ms: number): string {
  const tenths = Math.round(ms / 100)
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${twoDigits(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`
}

/** `35 µs`, `12.5 ms`, `1.2 s`: how long one item took, from ms. */
export function formatLatency(ms: number): string {
  if (ms < 0.9995) return `${Math.round(ms * 1_000)} µs`
  return ms < 999.95 ? `${ms.toFixed(1)} ms` : formatElapsed(ms)
}

/** Rows as aligned columns: the first to the left, numbers to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

/** A name or message on one line: control characters become escapes, so that no file name can draw on the terminal. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1)
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
  })
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
