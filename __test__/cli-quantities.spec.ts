import test from 'ava'
import { parseDuration, parseNumber, parseSpan } from '../src/cli/quantities.js'

type Read = (text: string) => unknown

const reading = test.macro({
  exec: (t, read: Read, text: string, expected: unknown) => t.deepEqual(read(text), expected),
  title: (_, read: Read, text: string, expected: unknown) =>
    `${read.name} reads ${text} as ${JSON.stringify(expected)}`,
})

const refusing = test.macro({
  exec: (t, read: Read, text: string, message: RegExp) => {
    t.throws(() => read(text), { code: 'commander.invalidArgument', message })
  },
  title: (_, read: Read, text: string) => `${read.name} refuses ${JSON.stringify(text)}`,
})

test(reading, parseNumber, '10', 10)
test(reading, parseNumber, '-1', -1) // for the library to refuse, by the name of the option
test(reading, parseNumber, '1.5', 1.5)
for (const text of ['', ' ', 'NaN', 'Infinity', '1e3', '0x10', '10 ', '1,000']) {
  test(refusing, parseNumber, text, /^Expected a number/)
}

test(reading, parseDuration, '10', 10_000)
test(reading, parseDuration, '0.5', 500)
test(reading, parseDuration, '10s', 10_000)
test(reading, parseDuration, '500ms', 500)
test(reading, parseDuration, '1.5m', 90_000)
test(reading, parseDuration, '2h', 7_200_000)
for (const text of ['', '0', '0.0001', '-1', 'NaN', '10 s', '10d', 's', '1s2']) {
  test(refusing, parseDuration, text, /^Expected a time of at least 1ms/)
}
test(refusing, parseDuration, '25d', /^Expected a time/)
test(refusing, parseDuration, '600h', /^Expected a time of at most 2147483647 ms/)

test(reading, parseSpan, '5', 5)
test(reading, parseSpan, '0', 0)
test(reading, parseSpan, '5-20', [5, 20])
test(reading, parseSpan, '0.5-2', [0.5, 2])
test(reading, parseSpan, '100ms-2s', [100, 2_000])
for (const text of ['', '-', '5-', '-5', '1-2-3', 'a-b', '5–20', 'NaN']) {
  test(refusing, parseSpan, text, /^Expected a time such as 5/)
}
test(refusing, parseSpan, '20-5', /smaller time of the range first/)
