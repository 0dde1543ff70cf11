/**
 * A trivial function in worker threads, results back on the main thread, at most 1000 items from the send to the read.
 * `results` is ours sent by `sendMany` and read by `results()`, beside the one way that pools have: a promise an item.
 * `run` is ours that way too.
 */
import { contestant } from '../process.js'
import type { Asked, Contestant, Workload } from '../workload.js'

const pushed = 'a promise an item, 1000 at once'

/** "The best of the other pools" is asked of each of them. */
const others: Asked = { bar: 20, aim: 50 }
const ofOthers = {
  tinypool: others,
  'tinypool, 64 a worker': others,
  workerpool: others,
  poolifier: others,
}

/** What is asked of ours / theirs, by the names of workloads and peers. */
const asked: Record<string, Record<string, Asked>> = {
  'results-2-threads': {
    piscina: { bar: 100, aim: 200 },
    'piscina, 64 a worker': { bar: 40, aim: 100 },
    ...ofOthers,
  },
  'results-5-threads': { piscina: { bar: 60, aim: 120 }, ...ofOthers },
  'run-2-threads': { piscina: { bar: 25, aim: 60 } },
}

/** Each pool with as many threads as ours, none started or ended meanwhile, its other options as they are by default. */
function pools(threads: number): Contestant[] {
  const pool = (name: string, items: number, ...args: number[]): Contestant => ({
    name,
    how: pushed,
    run: contestant(`modules-${name}`, ...[threads, ...args].map(String)),
    items,
  })
  return [
    pool('piscina', 50_000, 1),
    {
      ...pool('piscina', 100_000, 64),
      name: 'piscina, 64 a worker',
      how: `${pushed}, concurrentTasksPerWorker 64`,
    },
    pool('tinypool', 50_000, 1),
    {
      ...pool('tinypool', 100_000, 64),
      name: 'tinypool, 64 a worker',
      how: `${pushed}, concurrentTasksPerWorker 64`,
    },
    pool('workerpool', 30_000),
    pool('poolifier', 100_000),
  ]
}

function workload(mode: 'results' | 'run', threads: number): Workload {
  const name = `${mode}-${threads}-threads`
  return {
    case: 'modules',
    workload: name,
    unit: 'items/s',
    items: mode === 'results' ? 10_000_000 : 1_000_000,
    ours: {
      name: 'millrace',
      how: mode === 'results' ? 'sendMany of 250, results()' : pushed,
      run: contestant('modules-millrace', mode, String(threads)),
    },
    peers: pools(threads).map((pool) => ({ ...pool, ...asked[name]?.[pool.name] })),
  }
}

export const modules: Workload[] = [2, 5].flatMap((threads) => [
  workload('results', threads),
  workload('run', threads),
])
