/** Items of many kinds, each of which tells its number. */
export function itemOf(n: number): unknown {
  switch (n % 10) {
    case 0:
      return `text ${n}`
    case 1:
      return n
    case 2:
      return { n, name: `object ${n}`, tags: ['a', n], inner: { deep: [n, null, undefined] } }
    case 3:
      return new Uint8Array(new Uint32Array([n, ...new Array(n % 20).fill(7)]).buffer)
    case 4:
      return BigInt(n)
    case 5:
      return `\u{1f980} text \ud800 ${n}`
    case 6:
      return new Map([[n, new Set([n])]])
    case 7:
      return [n, n % 3 === 0, null, new Date(n)]
    case 8:
      return `long ${'x'.repeat(n % 5000)} ${n}`
    default:
      return -n - 0.5
  }
}

/** The number of an item that `itemOf` made. */
export function numberOf(item: unknown): number {
  if (typeof item === 'string') return Number(item.split(' ').at(-1))
  if (typeof item === 'number') return item < 0 ? -item - 0.5 : item
  if (typeof item === 'bigint') return Number(item)
  if (item instanceof Uint8Array) return new DataView(item.buffer, item.byteOffset).getUint32(0, true)
  if (item instanceof Map) return [...item.keys()][0]
  if (Array.isArray(item)) return item[0]
  return (item as { n: number }).n
}
