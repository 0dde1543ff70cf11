/** Sends of a worker into the system that it works for. */

import { Admission } from '../binding.js'
import { environmentHandle } from '../environment.js'
import { AbortedError, ClosedError } from '../errors.js'
import { binding } from '../native.js'
import { Runs } from '../runs.js'
import { Sender } from '../sender.js'

/**
 * A sender of this environment's own, so that its sends keep their order.
 *
 * @param limits - the system's
 * @param flush - reports hand-overs that the channel does not know of yet; whether there may have been any
 */
export function openSender<T>(
  system: number,
  limits: { capacity: number; maxWaiting: number; priorities: number },
  flush: () => boolean = () => false,
): { sender: Sender<T, unknown>; port: number } {
  const port = binding.openPort(environmentHandle(), system)
  const sender = new Sender<T, unknown>(
    {
      handle: port,
      capacity: limits.capacity,
      maxWaiting: limits.maxWaiting,
      // Natively known; and functions don't cross threads.
      overflow: 'wait',
      onDrop: undefined,
      priorities: limits.priorities,
      refusesKeys: false,
      sent() {},
      flush,
      refusal: (admission) =>
        admission === Admission.Aborted
          ? new AbortedError('the system was aborted')
          : new ClosedError('expected a system that takes items, got one that was stopped or has ended'),
    },
    new Runs(),
  )
  return { sender, port }
}
