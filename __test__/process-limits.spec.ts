/** Processes and threads at their limits, and under a debugger. */
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { HEAP_WAYS } from './soak/programs/plans.js'
import { trial } from './soak/trial.js'

/** Asserts that the program said `expected`, ended by itself, and had nothing to complain of. */
async function says(t: ExecutionContext, expected: string, name: string, ...args: string[]): Promise<void> {
  const program = fileURLToPath(new URL(`./soak/programs/${name}`, import.meta.url))
  const { code, signal, stdout, stderr } = await trial(process.execPath, [program, ...args])
  t.deepEqual(
    { code, signal, stdout, stderr },
    { code: 0, signal: null, stdout: `${expected}\n`, stderr: '' },
  )
}

test.serial('many workers load the addon at once, attach, and pass an item each', async (t) => {
  await says(t, '40 items, 40 ends', 'crowd.js', '40')
})

for (const way of HEAP_WAYS) {
  test.serial(`a worker that runs out of its heap loses nothing: ${way}`, async (t) => {
    await says(t, 'ERR_WORKER_OUT_OF_MEMORY, none lost', 'heap.js', way)
  })
}

test.serial('a handler that runs out of its heap loses nothing', async (t) => {
  await says(t, 'all once', 'heap-system.js')
})

for (const who of ['main', 'worker'] as const) {
  test.serial(`a debugger may pause the ${who} thread with items on their way`, async (t) => {
    await says(t, 'all in order', 'paused.js', who)
  })
}
