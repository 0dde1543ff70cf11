/**
 * The layout of packed items (`Kind.Packed`), which only JavaScript reads: one value, written depth first.
 *
 * A value begins with a byte. Below `SHORT_TEXT` it is that integer; below `SHORT_TEXT + SHORT_TEXT_UNITS` it is the
 * length of the Latin-1 string that follows; else it is a `Tag`. Numbers after it are little-endian.
 *
 * An object brings its own shape, so that each item can be read without any other: a byte with the number of 32-bit
 * words that its keys take, 16 bits of their hash, the words, then the values in the order of the keys. The words
 * hold, for each key, its length in a byte and its Latin-1 characters, and end with zeros: a key of length 0 has the
 * length 255.
 */

export const SHORT_TEXT = 0x80
export const SHORT_TEXT_UNITS = 0x40

export const Tag = {
  Undefined: 0xc0,
  Null: 0xc1,
  False: 0xc2,
  True: 0xc3,
  /** 4 bytes. */
  Integer: 0xc4,
  /** 8 bytes, a double. */
  Number: 0xc5,
  /** 8 bytes. */
  BigInteger: 0xc6,
  /** 4 bytes of length, then that many Latin-1 characters. */
  Text: 0xc7,
  /** 4 bytes of length, then that many UTF-16 units. */
  Text16: 0xc8,
  /** 8 bytes, a double: ms since the epoch. */
  Date: 0xc9,
  /** 4 bytes of length, then that many bytes. */
  Bytes: 0xca,
  /** 4 bytes of length, then that many values. */
  Array: 0xcb,
  /** 4 bytes of length, then that many doubles: an array of numbers. */
  Numbers: 0xcd,
  /** A shape, then a value for each key. */
  Object: 0xcc,
} as const

/** The length that stands for an empty key, because 0 ends the keys. */
export const EMPTY_KEY = 255
/** The longest key of a shape. */
export const MAX_KEY = 254
/** The most words of a shape: their number is a byte. */
export const MAX_SHAPE_WORDS = 255
/** Bytes of an object before the words of its shape. */
export const OBJECT_HEADER = 4
