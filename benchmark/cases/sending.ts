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

/** The other ways that Node has to send a value, with acknowledgements as for `postMessage`; no mode of theirs is told apart. */
export function otherWays(kind: 'value' | 'array', workload: string, items: number): Contestant[] {
  const how = `${kind === 'value' ? 'a message a value' : '100 values a message'}, 1000 values not acknowledged`
  const child = (serialization: 'json' | 'advanced'): Contestant => ({
    name: `child_process, ${serialization}`,
    how: `fork, ${serialization === 'json' ? 'its default serialization' : "serialization: 'advanced'"}; ${how}`,
    run: contestant('send-child-process', serialization, kind, workload),
    items: items / 5,
  })
  const broadcast: Contestant = {
    name: 'BroadcastChannel',
    how: `onmessage; ${how}`,
    run: contestant('send-broadcast-channel', kind, workload),
    items,
  }
  // In JSON a Uint8Array arrives as an object with a property for each byte.
  const carried = workload.startsWith('bytes')
    ? ['advanced' as const]
    : ['json' as const, 'advanced' as const]
  return [...carried.map(child), broadcast]
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
      ...(name === 'send' ? otherWays('value', workload, theirs) : []),
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
