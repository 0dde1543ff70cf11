/** The main thread to one worker, in arrays of 100 values. */
import { contestant } from '../process.js'
import type { Asked, Contestant, Workload } from '../workload.js'
import { otherWays, postMessage } from './sending.js'

/** Items of ours and of the peers, for about a second each. */
function arrayWise(
  workload: string,
  items: number,
  theirs: number,
  asked: Asked,
  others: Contestant[] = [],
): Workload {
  const how = '100 values a message, 10 not acknowledged'
  return {
    case: 'send-many',
    workload,
    unit: 'items/s',
    items,
    ours: {
      name: 'millrace',
      how: 'sendMany of 100, awaited; receiveMany',
      run: contestant('send-millrace', 'send-many', workload),
    },
    peers: [
      { ...postMessage('postMessage of arrays', how, 'arrays', workload, theirs), ...asked },
      ...others,
      ...otherWays('array', workload, theirs),
    ],
  }
}

export const sendMany: Workload[] = [
  arrayWise('strings', 25_000_000, 15_000_000, { bar: 1.7, aim: 2 }),
  arrayWise('numbers', 40_000_000, 20_000_000, { bar: 2.5, aim: 3 }),
  arrayWise('objects', 5_000_000, 2_500_000, { bar: 2.2, aim: 4 }),
  arrayWise('bytes-64', 15_000_000, 2_000_000, { bar: 8, aim: 11 }),
  arrayWise('bytes-64k', 50_000, 50_000, { bar: 1.3, aim: 2 }, [
    postMessage(
      'postMessage, transferred',
      'the same, copies made for it transferred',
      'transferred',
      'bytes-64k',
      50_000,
    ),
  ]),
  arrayWise('strings-utf8', 8_000_000, 4_000_000, { bar: 1.3, aim: 2 }),
]
