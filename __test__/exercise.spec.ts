import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const EXAMPLE = fileURLToPath(new URL('../examples/exercise.js', import.meta.url))

test('the exercise as a program of its own handles all that it produced, and exits by itself', async (t) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [EXAMPLE, '1'])
  t.is(stderr, '')
  t.is(stdout.match(/^millrace-p\d+: \d+ items/gm)?.length, 10)
  t.is(stdout.match(/^millrace-c\d+: \d+ items/gm)?.length, 5)
  const [, produced, processed] = /^(\d+) produced = (\d+) processed \+ 0 failed$/m.exec(stdout) ?? []
  t.true(Number(produced) > 0)
  t.is(produced, processed)
})
