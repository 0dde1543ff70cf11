/** What an item is, as a number. Part of the contract with native/core/src/items/kind.rs; a test compares the two. */
export const Kind = {
  Undefined: 0,
  Null: 1,
  False: 2,
  True: 3,
  /** 8 bytes, a little-endian double. */
  Number: 4,
  /** UTF-8: text that was made natively. It may hold other bytes, which become U+FFFD. */
  Text: 5,
  /** UTF-16LE, as V8 has what is not Latin-1; it may have lone surrogates, which UTF-8 can't hold. */
  Text16: 6,
  Bytes: 7,
  /** What `v8.serialize` wrote. */
  Value: 8,
  /** One byte `n`, a digest of `n` hex digits, a path in UTF-8. */
  FileDigest: 9,
  /** The same, with a path that is to stay bytes. */
  FileDigestRaw: 10,
  /** A plain object, an array or a bigint, as packed.ts has it. */
  Packed: 11,
  /** A string in Latin-1, as V8 has it. */
  Latin1: 12,
} as const

export type Kind = (typeof Kind)[keyof typeof Kind]
