/** The main thread to one worker, value by value, none of the sends awaited but the last of 100. */
import type { Workload } from '../workload.js'
import { itemWorkloads } from './sending.js'

export const send: Workload[] = itemWorkloads('send', 'send, the last of 100 awaited; for await', {
  strings: { bar: 5, aim: 9 },
  numbers: { bar: 10, aim: 25 },
  objects: { bar: 2.5, aim: 4 },
  'bytes-64': { bar: 10, aim: 18 },
})
