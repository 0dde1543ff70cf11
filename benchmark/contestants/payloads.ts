/** What is sent from the main thread to a worker: values that lie in an array, each with its place there in it. */

/** One kind of value. */
interface Payload<T> {
  /** How many different values lie ready; they are sent in turn. */
  stored: number
  make: (place: number) => T
  /** Looks at all that is cheap to look at, and gives the place; NaN for what is not what was made. */
  placeOf: (value: T) => number
}

const TEXT = 'order of the customer no. '
/** As long as makes 100 characters. */
const TEXT_100 = TEXT.padEnd(97, '.')
const TEXT_UTF8 = 'Bestellung für Łódź → 東京 №'
const DIGITS = 3
const BITS = 6
/** '0' and the 63 characters after it stand for the digits. */
const ZERO = 48
const PLACES = 10_000

const payloads = {
  strings: text(TEXT),
  'strings-utf8': text(TEXT_UTF8),
  numbers: { stored: PLACES, make: (place) => place, placeOf: (value) => value } satisfies Payload<number>,
  objects: {
    stored: PLACES,
    make: (place) => ({ id: place, name: `customer ${place}`, total: place * 1.25, paid: place % 2 === 0 }),
    placeOf: ({ id, name, total, paid }) =>
      name.length > 'customer '.length && total === id * 1.25 && paid === (id % 2 === 0) ? id : Number.NaN,
  } satisfies Payload<{ id: number; name: string; total: number; paid: boolean }>,
  'strings-100': text(TEXT_100),
  'bytes-64': bytes(64, PLACES),
  'bytes-100': bytes(100, PLACES),
  'bytes-64k': bytes(65_536, 1000),
}

export type PayloadName = keyof typeof payloads

/** All the values of a payload. */
export function storedValues(name: PayloadName): unknown[] {
  const { stored, make } = payload(name)
  return Array.from({ length: stored }, (_, place) => make(place))
}

/** Reads the place of each value. */
export function reader(name: PayloadName): { placeOf: (value: unknown) => number; stored: number } {
  return payload(name)
}

function payload(name: PayloadName): Payload<unknown> {
  return payloads[name] as Payload<unknown>
}

/** A text and the place in three digits. */
function text(start: string): Payload<string> {
  const end = start.length
  const digit = (place: number, n: number) =>
    String.fromCharCode(ZERO + ((place >> (n * BITS)) & (2 ** BITS - 1)))
  return {
    stored: PLACES,
    // Joined, a string lies in one piece; added up, it would be put together by the first who reads it.
    make: (place) => [start, digit(place, 2), digit(place, 1), digit(place, 0)].join(''),
    placeOf: (value) => {
      if (value.length !== end + DIGITS || value.charCodeAt(end - 1) !== start.charCodeAt(end - 1))
        return Number.NaN
      const high = value.charCodeAt(end) - ZERO
      const middle = value.charCodeAt(end + 1) - ZERO
      const low = value.charCodeAt(end + 2) - ZERO
      return (high << (2 * BITS)) | (middle << BITS) | low
    },
  }
}

/** The place in the first two bytes and in the last two; those between are filled. */
function bytes(length: number, stored: number): Payload<Uint8Array> {
  return {
    stored,
    make: (place) => {
      const value = new Uint8Array(length).fill(place)
      value.set([place & 255, place >> 8])
      value.set([place & 255, place >> 8], length - 2)
      return value
    },
    placeOf: (value) => {
      if (value.length !== length) return Number.NaN
      const first = (value[0] as number) | ((value[1] as number) << 8)
      const last = (value[length - 2] as number) | ((value[length - 1] as number) << 8)
      return first === last ? first : Number.NaN
    },
  }
}
