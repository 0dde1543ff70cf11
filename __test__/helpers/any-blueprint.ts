/** Values of every sort that fast-check draws and makes smaller. */
import * as fc from 'fast-check'
import { BINARY_VIEWS, type Blueprint, ERROR_TYPES, type Property, type Refused } from './blueprint.js'

/** ASCII; Latin-1; all characters; any UTF-16, halves of pairs among it. fast-check's own unit for the latter takes a second to make. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  textOf(fc.integer({ min: 0, max: 0xff })),
  textOf(fc.integer({ min: 0, max: 0x10ffff })),
  textOf(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff }))),
)

function textOf(codes: fc.Arbitrary<number>): fc.Arbitrary<string> {
  return fc.string({ unit: codes.map((code) => String.fromCodePoint(code)) })
}

const plain = fc
  .oneof(
    anyText,
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    // Around each number from which on others are written in another way.
    fc.constantFrom(-0, -0, Number.NaN, 127, 128, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1),
    fc.constantFrom(2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 2000n),
  )
  .map((value): Blueprint => ({ is: 'plain', value }))

/** Around each length from which on text is written in another way. */
const repeated = fc.record({
  is: fc.constant('repeated' as const),
  unit: fc.constantFrom('a', 'é', '京', '😀', '\ud800', '\0'),
  times: fc.oneof(
    { arbitrary: fc.constantFrom(39, 40, 41, 62, 63, 64, 65, 255, 256), weight: 8 },
    { arbitrary: fc.constantFrom(8191, 8192, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537), weight: 1 },
  ),
  end: fc.constantFrom('', 'z', 'ÿ', '京', '\udc00'),
})

const date = fc
  .oneof(fc.integer({ min: -8.64e15, max: 8.64e15 }), fc.constantFrom(Number.NaN, 0, -1))
  .map((time): Blueprint => ({ is: 'date', time }))

const expression = fc.record({
  is: fc.constant('expression' as const),
  source: fc.constantFrom('a', '(?<x>b)|[/]', '\\u{61}', '京', ''),
  flags: fc.subarray(['d', 'g', 'i', 'm', 's', 'u', 'y']).map((flags) => flags.join('')),
  lastIndex: fc.nat(3),
})

const boxed = fc
  .oneof(anyText, fc.double(), fc.boolean(), fc.bigInt())
  .map((value): Blueprint => ({ is: 'boxed', value }))

const binary = fc.record({
  is: fc.constant('binary' as const),
  view: fc.oneof(fc.constant('Uint8Array' as const), fc.constantFrom(...BINARY_VIEWS)),
  bytes: fc.oneof(
    { arbitrary: fc.uint8Array({ maxLength: 40 }), weight: 20 },
    // Around the sizes that travel in memory of their own.
    {
      arbitrary: fc
        .constantFrom(16_383, 16_384, 16_385, 65_535, 65_536, 65_537)
        .map((length) => new Uint8Array(length).fill(7)),
      weight: 1,
    },
  ),
  before: fc.nat(3),
  after: fc.nat(9),
  of: fc.oneof(
    { arbitrary: fc.constant('own' as const), weight: 5 },
    { arbitrary: fc.constantFrom('resizable' as const, 'shared' as const), weight: 1 },
  ),
})

const again = fc.nat(20).map((place): Blueprint => ({ is: 'again', place }))

const key = fc.oneof(
  fc.constantFrom('id', 'name', 'a', 'b', '0', '1', '01', '4294967295', '-1', 'ü', '京', '\ud800', ''),
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'toJSON', 'then', 'length'),
  fc.constantFrom(253, 254, 255, 256).map((length) => 'k'.repeat(length)),
  anyText,
)
const how = fc.oneof(
  { arbitrary: fc.constant<Property>('value'), weight: 20 },
  { arbitrary: fc.constantFrom<Property>('getter', 'hidden', 'symbol'), weight: 1 },
)

/**
 * Whatever an item may be, and what may be found in one: objects that occur twice, or within themselves, included.
 *
 * @param refused - what else may be found in it
 */
export function anyBlueprint(refused: readonly Refused[] = []): fc.Arbitrary<Blueprint> {
  const others =
    refused.length > 0
      ? [fc.constantFrom(...refused).map((what): Blueprint => ({ is: 'refused', what }))]
      : []
  const { value } = fc.letrec<{ value: Blueprint; leaf: Blueprint; container: Blueprint; wide: Blueprint }>(
    (tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { arbitrary: tie('leaf'), weight: 15 },
        { arbitrary: tie('container'), weight: 15 },
        { arbitrary: tie('wide'), weight: 1 },
      ),
      leaf: fc.oneof(plain, plain, plain, repeated, date, expression, boxed, binary, again, ...others),
      wide: fc.record({
        is: fc.constant('wide' as const),
        keys: fc.constantFrom(63, 64, 65, 300, 1100),
        // What is small: it is there often.
        part: fc.oneof(plain, again, date),
      }),
      container: fc.oneof(
        // Plain objects most of all: the way that most items go.
        record(tie('value'), fc.constant('plain' as const)),
        record(tie('value'), fc.constantFrom('plain' as const, 'none' as const, 'class' as const)),
        array(tie('value')),
        fc.record({
          is: fc.constant('map' as const),
          entries: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }),
        }),
        fc.record({ is: fc.constant('set' as const), members: fc.array(tie('value'), { maxLength: 5 }) }),
        fc.record(
          {
            is: fc.constant('error' as const),
            type: fc.constantFrom(...ERROR_TYPES),
            message: anyText,
            cause: tie('value'),
            name: fc.constantFrom('Custom', 'RangeError'),
          },
          { requiredKeys: ['is', 'type', 'message'] },
        ),
      ),
    }),
  )
  return value
}

function record(
  part: fc.Arbitrary<Blueprint>,
  prototype: fc.Arbitrary<'plain' | 'none' | 'class'>,
): fc.Arbitrary<Blueprint> {
  return fc.record({
    is: fc.constant('record' as const),
    prototype,
    entries: fc.array(fc.tuple(key, part, how), { maxLength: 8 }),
  })
}

function array(part: fc.Arbitrary<Blueprint>): fc.Arbitrary<Blueprint> {
  const hole = fc.constant({ is: 'hole' as const })
  // Its length is the array's own.
  const more = fc.tuple(
    key.filter((name) => name !== 'length'),
    part,
  )
  return fc.record({
    is: fc.constant('array' as const),
    elements: fc.oneof(
      fc.array(part, { maxLength: 8 }),
      fc.array(fc.oneof({ arbitrary: part, weight: 4 }, { arbitrary: hole, weight: 1 }), { maxLength: 8 }),
      // Enough numbers in a row to be written in another way.
      fc.array(plain, { minLength: 15, maxLength: 20 }),
      fc.array(
        fc.double().map((value): Blueprint => ({ is: 'plain', value })),
        { minLength: 15, maxLength: 40 },
      ),
    ),
    more: fc.oneof(
      { arbitrary: fc.array(more, { maxLength: 0 }), weight: 5 },
      { arbitrary: fc.array(more, { maxLength: 2 }), weight: 1 },
    ),
  })
}
