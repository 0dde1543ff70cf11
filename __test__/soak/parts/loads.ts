import { fileURLToPath } from 'node:url'
import type { Part, Soak } from '../part.js'
import { HEAP_WAYS } from '../programs/plans.js'
import { trial } from '../trial.js'

const PROGRAMS = new URL('../programs/', import.meta.url)
const TIMEOUT = 300_000
/** Workers at once. */
const CROWD = 200

/** What a program is told, and what it says where all is right. */
const LOADS: { program: string; args: string[]; expected: string }[] = [
  { program: 'crowd.js', args: [String(CROWD)], expected: `${CROWD} items, ${CROWD} ends` },
  ...HEAP_WAYS.map((way) => ({
    program: 'heap.js',
    args: [way],
    expected: 'ERR_WORKER_OUT_OF_MEMORY, none lost',
  })),
  { program: 'heap-system.js', args: [], expected: 'all once' },
  ...['main', 'worker'].map((who) => ({ program: 'paused.js', args: [who], expected: 'all in order' })),
]

export const loads: Part = {
  name: 'loads',
  what: `loads the addon in ${CROWD} workers at once, runs out of heaps, and has a debugger pause threads`,
  share: 0.5,
  async run(soak) {
    do for (const load of LOADS) await run(soak, load)
    while (!soak.isOver())
  },
}

async function run({ tally, log }: Soak, { program, args, expected }: (typeof LOADS)[number]): Promise<void> {
  const file = fileURLToPath(new URL(program, PROGRAMS))
  const ended = await trial(process.execPath, ['--enable-source-maps', file, ...args], { timeout: TIMEOUT })
  tally.tried('inputs')
  log(`${program} ${args.join(' ')}: ${Math.round(ended.took)} ms`)
  if (ended.code === 0 && ended.stdout === `${expected}\n` && ended.stderr === '') return
  const came = `${ended.signal ?? ended.code}, stdout: ${ended.stdout}, stderr: ${ended.stderr}`
  tally.wrong(
    ended.hung ? 'hangs' : 'crashes',
    `node ${program} ${args.join(' ')}: expected ${expected}, got ${came}`,
  )
}
