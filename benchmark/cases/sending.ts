/**
 * What `send`, `send-await` and `send-many` share: the main thread to one worker thread, at most 1000 values between them.
 * They lie in an array before they are sent, and the worker looks at each: its fields or length, and that it is the one
 * whose turn it is.
 */
import { contestant } from '../process.js'
import type { Asked, Contestant, Workload } from '../workload.js'

/** `postMessage` with at most 1000 values that are not acknowledged. */
export function postMessage(
  name: string,
  how: string,
  mode: string,
  workload: string,
  items: number,
): Contestant {
  return { name, how, run: contestant('send-post-message', mode, workload), items, bimodal: true }
}

/** Values sent one by one; items of ours and of the peers, for about a second each. */
function itemWise(
  name: 'send' | 'send-await',
  how: string,
  workload: string,
  items: number,
  theirs: number,
  asked: Asked,
): Workload {
  const acknowledged = 'a message a value, 1000 not acknowledged'
  return {
    case: name,
    workload,
    unit: 'items/s',
    items,
    ours: { name: 'millrace', how, run: contestant('send-millrace', name, workload) },
    peers: [
      {
        ...postMessage('postMessage', `${acknowledged}; on('message')`, 'items', workload, theirs),
        ...asked,
      },
      postMessage(
        'postMessage, drained',
        `${acknowledged}; receiveMessageOnPort`,
        'drained',
        workload,
        theirs,
      ),
    ],
  }
}

export function itemWorkloads(
  name: 'send' | 'send-await',
  how: string,
  asked: Record<'strings' | 'numbers' | 'objects' | 'bytes-64', Asked>,
): Workload[] {
  return [
    itemWise(name, how, 'strings', 5_000_000, 1_000_000, asked.strings),
    itemWise(name, how, 'numbers', 10_000_000, 1_000_000, asked.numbers),
    itemWise(name, how, 'objects', 2_000_000, 500_000, asked.objects),
    itemWise(name, how, 'bytes-64', 5_000_000, 500_000, asked['bytes-64']),
  ]
}
