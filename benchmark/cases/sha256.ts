/**
 * SHA-256 of 4 KiB items on as many threads, or processes, as cores. In `sha256-4k` the items come from a native source and
 * the digests are dropped: what a system leaves of the cores to native tasks. In `sha256-4k-sent` they lie in JavaScript, and
 * every digest is back on the main thread, as it is from the pools.
 */
import { availableParallelism } from 'node:os'
import { speed } from '../openssl.js'
import { python } from '../peers.js'
import { contestant, measured, program } from '../process.js'
import type { Contestant, Workload } from '../workload.js'

const threads = String(availableParallelism())

const openssl: Contestant = {
  name: 'openssl speed',
  how: 'one block of 4 KiB over and over, a process a core, for a second',
  run: speed('sha256', 4096, availableParallelism()),
}

export const sha256: Workload[] = [
  {
    case: 'cpu',
    workload: 'sha256-4k',
    unit: 'items/s',
    items: 400_000,
    ours: {
      name: 'millrace',
      how: 'a producer with a sequence of bytes, a hash task a core',
      run: measured('sha256-source', threads),
    },
    peers: [{ ...openssl, bar: 0.9, aim: 0.97 }],
  },
  {
    case: 'cpu',
    workload: 'sha256-4k-sent',
    unit: 'items/s',
    items: 400_000,
    ours: {
      name: 'millrace',
      how: 'sendMany of 250, a hash task a core, results()',
      run: contestant('sha256-millrace', threads),
    },
    peers: [
      openssl,
      {
        name: 'piscina',
        how: 'node:crypto, a promise an item, 1000 at once',
        run: contestant('sha256-piscina', threads),
        items: 20_000,
      },
      {
        name: 'child_process',
        how: 'node:crypto, fork, an advanced IPC message an item, 1000 at once',
        run: contestant('sha256-forked', threads),
        items: 40_000,
      },
      {
        name: 'multiprocessing.Pool',
        how: 'hashlib, imap in chunks of 64',
        run: program(python('sha256.py'), threads),
        items: 100_000,
      },
    ],
  },
]
