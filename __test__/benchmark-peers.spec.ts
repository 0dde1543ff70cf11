/** Peers in other languages where their toolchains are missing, and what is read of openssl's output. */
import { delimiter } from 'node:path'
import test from 'ava'
import { bytesPerSecond, speed } from '../benchmark/openssl.js'
import { go, java, javaDisruptor, python } from '../benchmark/peers.js'
import { program } from '../benchmark/process.js'
import { MissingToolchain } from '../benchmark/toolchain.js'

test.serial(
  'a peer whose toolchain is not on PATH is missing, and says which program it lacks',
  async (t) => {
    const path = process.env.PATH
    process.env.PATH = `/nowhere${delimiter}/neither`
    t.teardown(() => {
      process.env.PATH = path
    })
    const needs = [
      ['go', program(go, 'items')],
      ['javac', program(java, 'QueueItems')],
      ['python3', program(python('hot_path.py'), 'threads')],
      ['openssl', speed('sha256', 4096, 2)],
    ] as const
    for (const [tool, run] of needs) {
      const error = await t.throwsAsync(run(10), { instanceOf: MissingToolchain })
      t.true(error?.message.startsWith(`${tool}: tried ${tool} `), error?.message)
    }
    // Maven is for the Disruptor's jar only, and not asked where that is there already.
    const error = await t.throwsAsync(async () => javaDisruptor(), { instanceOf: MissingToolchain })
    t.regex(error?.message ?? '', /^(mvn|javac): tried /)
  },
)

test('a peer that fails says how it ended and what it printed, and nothing of where the repository lies', async (t) => {
  const script = 'console.error(process.cwd() + "/dist", process.argv[1]); process.exitCode = 3'
  const error = await t.throwsAsync(program(() => [process.execPath, '-e', script])(10))
  t.is(error?.message, `node -e ${script} 10: exit code 3\ndist 10`)
})

test('the total of all processes is what counts of openssl speed', (t) => {
  const output = [
    'Forked child 0',
    'Got: +F:25:sha256:744013824.00 from 0',
    'Got: +F:25:sha256:714780672.00 from 1',
    '+F:25:sha256:1458794496.00',
    '',
  ]
  t.is(bytesPerSecond(output.join('\n'), 'sha256'), 1_458_794_496)
  t.throws(() => bytesPerSecond(output.slice(0, 3).join('\n'), 'sha256'), {
    message: /expected a line of totals/,
  })
  t.throws(() => bytesPerSecond(output.join('\n'), 'sha512'), { message: /for sha512/ })
})
