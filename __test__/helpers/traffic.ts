/** Values through a channel: what is sent by which calls, and how it is received. */
import type { Channel } from '../../src/index.js'
import { ClosedError } from '../../src/index.js'
import type { Blueprint } from './blueprint.js'

/** One call, or one an item, and what goes along with the items. */
export interface Send {
  way: 'send' | 'trySend' | 'sendMany'
  items: Blueprint[]
  priority?: number
  key?: string
  headers?: Record<string, string>
  /** Whether each item is given an id, which only `send` can. */
  named?: boolean
}

export interface Receive {
  way: 'receive' | 'receiveMany' | 'tryReceive' | 'lease' | 'retry' | 'iterate' | 'receiveSync'
  max: number
}

export interface Traffic {
  capacity: number
  sends: Send[]
  /** Done one after the other, and from the first one again, until all is received. */
  receives: Receive[]
}

/** Of the channels whose items have some. */
export const PRIORITIES = 3

/** An item as it came. */
export interface Received {
  value: unknown
  /** Where it was leased. */
  id?: string
  headers?: Readonly<Record<string, string>>
}

/** Receives until the end, and hands over what one call gave before the next is made. */
export async function receiveAll(
  channel: Channel<unknown>,
  receives: readonly Receive[],
  take: (received: Received[]) => void | Promise<void>,
): Promise<void> {
  try {
    for (let n = 0; ; n++) {
      const received = await receiveBy(channel, receives[n % receives.length] as Receive)
      if (received.length === 0) return
      await take(received)
    }
  } catch (error) {
    if (!(error instanceof ClosedError)) throw error
  }
}

/** Nothing at the end, or a ClosedError. */
async function receiveBy(channel: Channel<unknown>, { way, max }: Receive): Promise<Received[]> {
  switch (way) {
    case 'receive':
      return [{ value: await channel.receive() }]
    case 'receiveMany':
      return (await channel.receiveMany(max)).map((value) => ({ value }))
    case 'tryReceive':
      return [channel.tryReceive() ?? { value: await channel.receive() }]
    case 'receiveSync':
      return [{ value: channel.receiveSync() }]
    case 'lease': {
      const lease = await channel.lease()
      lease.settle()
      return [{ value: lease.item, id: lease.id, headers: lease.headers }]
    }
    case 'retry': {
      const first = await channel.lease()
      first.retry()
      const second = await channel.lease()
      second.settle()
      if (second.id !== first.id || second.attempt !== 2)
        throw new Error(`expected attempt 2 of ${first.id}, got ${second.attempt} of ${second.id}`)
      return [{ value: second.item, id: second.id, headers: second.headers }]
    }
    case 'iterate': {
      const received: Received[] = []
      for await (const value of channel) if (received.push({ value }) === max) break
      return received
    }
  }
}
