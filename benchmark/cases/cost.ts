/** What it costs to have it: the time of an import in a fresh process, and the bytes that npm installs for one platform. */
import { installedBytes, ourImport, theirImport } from '../installed.js'
import type { Workload } from '../workload.js'

const MB = 1e6

export const cost: Workload[] = [
  {
    case: 'cost',
    workload: 'import',
    unit: 'ms',
    better: 'lower',
    // Processes a run.
    items: 20,
    ours: {
      name: 'millrace',
      how: 'await import, packed and installed; the median of 20 processes',
      run: ourImport,
    },
    peers: [
      {
        name: 'piscina',
        how: 'await import; the median of 20 processes',
        run: theirImport('piscina', 'Piscina'),
        bar: 1.5,
        aim: 0.8,
      },
    ],
  },
  {
    case: 'cost',
    workload: 'installed-size',
    unit: 'MB',
    better: 'lower',
    items: 1,
    bar: 3,
    aim: 1.5,
    ours: {
      name: 'millrace',
      how: 'every file in node_modules',
      run: async () => (await installedBytes()) / MB,
    },
    peers: [],
  },
]
