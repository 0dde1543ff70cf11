/**
 * 1 ms of JavaScript an item in a worker thread a core, beside threads that do nothing else: how much of what the cores can do
 * is left. How many steps take 1 ms is found once, before the first run, and is the same for every contestant.
 */
import { availableParallelism } from 'node:os'
import { ask, contestant } from '../process.js'
import type { Workload } from '../workload.js'
import { sha256 } from './sha256.js'

const threads = availableParallelism()
let calibrated: Promise<{ steps: number }> | undefined

function calibratedContestant(module: string): (items: number) => Promise<number> {
  return async (items) => {
    calibrated ??= ask('cpu-calibrate')
    const { steps } = await calibrated
    return contestant(module, String(threads), String(steps))(items)
  }
}

export const cpu: Workload[] = [
  {
    case: 'cpu',
    workload: 'js-1ms',
    unit: 'items/s',
    items: 3_000 * threads,
    ours: {
      name: 'millrace',
      how: 'handler module, sendMany of 250, results()',
      run: calibratedContestant('cpu-millrace'),
    },
    peers: [
      {
        name: 'threads alone',
        how: 'the function in a loop in as many worker threads: what the cores can do',
        run: calibratedContestant('cpu-threads'),
        bar: 0.97,
        aim: 0.99,
      },
      { name: 'piscina', how: 'a promise an item, 1000 at once', run: calibratedContestant('cpu-piscina') },
      {
        name: 'child_process',
        how: 'fork, an advanced IPC message an item, 1000 at once',
        run: calibratedContestant('cpu-forked'),
      },
    ],
  },
  ...sha256,
]
