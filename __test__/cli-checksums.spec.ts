import test from 'ava'
import { checksumLine } from '../src/cli/checksums.js'

const line = test.macro({
  exec: (t, name: string, expected: string) => t.is(checksumLine(Buffer.from(name), 'd1'), expected),
  title: (_, name: string) => `the line of ${JSON.stringify(name)}`,
})

test(line, 'dir/name', 'd1  dir/name\n')
test(line, ' two  spaces\t', 'd1   two  spaces\t\n')
test(line, 'back\\slash', '\\d1  back\\\\slash\n')
test(line, 'line\nfeed', '\\d1  line\\nfeed\n')
test(line, 'carriage\rreturn', '\\d1  carriage\\rreturn\n')
test(line, '\\\r\n\\', '\\d1  \\\\\\r\\n\\\\\n')

test('a name that is no UTF-8 keeps its bytes', (t) => {
  const name = Buffer.from([0xff, 0x2f, 0xc3, 0x28])
  const bytes = Buffer.from(checksumLine(name, 'd1'), 'latin1')
  t.deepEqual(bytes, Buffer.concat([Buffer.from('d1  '), name, Buffer.from('\n')]))
})

test('a name is read from its own part of a larger memory', (t) => {
  const memory = Buffer.from('before/name/after')
  t.is(checksumLine(new Uint8Array(memory.buffer, memory.byteOffset + 7, 4), 'd1'), 'd1  name\n')
})
