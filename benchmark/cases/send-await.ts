/** The main thread to one worker, value by value, each send awaited before the next. */
import type { Workload } from '../workload.js'
import { itemWorkloads } from './sending.js'

export const sendAwait: Workload[] = itemWorkloads('send-await', 'each send awaited; for await', {
  strings: { bar: 2.5, aim: 4 },
  numbers: { bar: 3.5, aim: 5 },
  objects: { bar: 2, aim: 3 },
  'bytes-64': { bar: 6, aim: 8 },
})
