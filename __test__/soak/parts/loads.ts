import { fileURLToPath } from 'node:url'
import type { Part, Soak } from '../part.js'
import { HEAP_WAYS } from '../programs/plans.js'
import { trial } from '../trial.js'

const PROGRAMS = new URL('../programs/', import.meta.url)
const TIMEOUT = 300_000
/** Workers at once, in a whole soak. */
const CROWD = 200

interface Load {
  program: string
  args: string[]
  /** What the program says where all is right. */
  expected: string
}

const crowdOf = (workers: number): Load => ({
  program: 'crowd.js',
  args: [String(workers)],
  expected: `${workers} items, ${workers} ends`,
})

const OTHERS: Load[] = [
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
    const crowd = crowdOf(soak.goal(CROWD))
    do for (const load of [crowd, ...OTHERS]) await run(soak, load)
    while (!soak.isOver())
  },
}

async function run({ tally, log }: Soak, { program, args, expected }: Load): Promise<void> {
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
