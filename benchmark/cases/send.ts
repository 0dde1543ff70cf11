/**
 * The main thread to one worker thread, at most 1000 values between them. They lie in an array before they are sent, and
 * the worker looks at each: its fields or length, and that it is the one whose turn it is.
 */
import type { Contestant, Workload } from '../measure.js'
import { contestant } from '../process.js'

type Case = 'send' | 'send-await' | 'send-many'

const how: Record<Case, string> = {
  send: 'send, the last of 100 awaited; receiveMany',
  'send-await': 'each send awaited; for await',
  'send-many': 'sendMany of 100, awaited; receiveMany',
}

function peer(name: string, how: string, mode: string, workload: string, items: number): Contestant {
  return { name, how, run: contestant('send-post-message', mode, workload), items, bimodal: true }
}

/** Items of ours and of the peers, for about a second each. */
function itemWise(name: Case, workload: string, items: number, peers: number): Workload {
  const acknowledged = 'a message a value, 1000 not acknowledged'
  return {
    case: name,
    workload,
    unit: 'items/s',
    items,
    ours: { name: 'millrace', how: how[name], run: contestant('send-millrace', name, workload) },
    peers: [
      peer('postMessage', `${acknowledged}; on('message')`, 'items', workload, peers),
      peer('postMessage, drained', `${acknowledged}; receiveMessageOnPort`, 'drained', workload, peers),
    ],
  }
}

function arrayWise(workload: string, items: number, peers: number): Workload {
  return {
    ...itemWise('send-many', workload, items, peers),
    peers: [
      peer('postMessage of arrays', '100 values a message, 10 not acknowledged', 'arrays', workload, peers),
      ...(workload === 'bytes-64k'
        ? [
            peer(
              'postMessage, transferred',
              'the same, copies made for it transferred',
              'transferred',
              workload,
              peers,
            ),
          ]
        : []),
    ],
  }
}

function itemWorkloads(name: Case): Workload[] {
  return [
    itemWise(name, 'strings', 5_000_000, 1_000_000),
    itemWise(name, 'numbers', 10_000_000, 1_000_000),
    itemWise(name, 'objects', 2_000_000, 500_000),
    itemWise(name, 'bytes-64', 5_000_000, 500_000),
  ]
}

export const sending: Record<Case, Workload[]> = {
  send: itemWorkloads('send'),
  'send-await': itemWorkloads('send-await'),
  'send-many': [
    arrayWise('strings', 25_000_000, 15_000_000),
    arrayWise('numbers', 40_000_000, 20_000_000),
    arrayWise('objects', 5_000_000, 2_500_000),
    arrayWise('bytes-64', 15_000_000, 2_000_000),
    arrayWise('bytes-64k', 50_000, 50_000),
    arrayWise('strings-utf8', 8_000_000, 4_000_000),
  ],
}
