/** Ways to be inside the library. Each goes on until its thread, or the channel, ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Channel, select } from '../../../src/index.js'
import { itemOf, numberOf } from '../../helpers/items.js'
import type { Place } from './place.js'
import { type BlockingJob, type ChannelJob, type JobName, MANY } from './plans.js'
import { SYSTEM_JOBS } from './system-jobs.js'

export type Job = (place: Place) => void | Promise<void>

const LARGE = 100_000

/** Items of an earlier turn are in the channel, whatever becomes of the thread that sent them. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Does the job; the end of the channel is a right end of it. */
export async function untilEnd(job: JobName, place: Place): Promise<void> {
  try {
    await JOBS[job](place)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code !== 'ERR_MILLRACE_CLOSED' && code !== 'ERR_MILLRACE_ABORTED') throw error
  }
}

/** Gives `each` the numbers of some items again and again; what it has sent is on record a turn later, or when it fails. */
async function sending(
  { ledger, random }: Place,
  each: (numbers: number[], sent: (numbers: number[]) => void) => Promise<void>,
): Promise<void> {
  for (;;) {
    const numbers = ledger.offer(1 + random.below(40))
    if (numbers.length === 0) return
    const accepted: number[] = []
    try {
      await each(numbers, (more) => accepted.push(...more))
      await turn()
    } finally {
      ledger.sent(accepted)
    }
  }
}

async function sendMany(place: Place, make: (n: number) => unknown): Promise<void> {
  await sending(place, async (numbers, sent) => {
    try {
      await place.flow.sendMany(numbers.map(make))
      sent(numbers)
    } catch (error) {
      sent(numbers.slice(0, (error as { accepted: number }).accepted))
      throw error
    }
    place.pass()
  })
}

const CHANNEL_JOBS = {
  send: (place) =>
    sending(place, async (numbers, sent) => {
      for (const n of numbers) {
        await place.flow.send(itemOf(n))
        sent([n])
        place.pass()
      }
    }),

  sendMany: (place) => sendMany(place, itemOf),

  sendLarge: (place) =>
    sendMany(place, (n) => {
      const bytes = new Uint8Array(LARGE)
      new DataView(bytes.buffer).setUint32(0, n, true)
      return bytes
    }),

  trySend: (place) =>
    sending(place, async (numbers, sent) => {
      for (const n of numbers) if (place.flow.trySend(n)) sent([n])
      place.pass()
    }),

  receive: async (place) => {
    for (;;) place.receive(numberOf(await place.flow.receive()))
  },

  receiveMany: async (place) => {
    for (;;) {
      const items = await place.flow.receiveMany(MANY)
      if (items.length === 0) return
      for (const item of items) place.receive(numberOf(item))
    }
  },

  iterate: async (place) => {
    for await (const item of place.flow) place.receive(numberOf(item))
  },

  lease: async (place) => {
    for (;;) {
      const lease = await place.flow.lease()
      if (place.random.below(4) === 0) {
        lease.retry()
        await turn()
        continue
      }
      place.receive(numberOf(lease.item))
      lease.settle()
    }
  },

  select: async (place) => {
    for (;;) {
      const numbers = place.ledger.offer(1)
      const receiving = place.flow.receiving()
      const cases = numbers.length > 0 ? [receiving, place.flow.sending(numbers[0])] : [receiving]
      const { index, done, value } = await select(cases)
      if (done) return
      if (index === 0) place.receive(numberOf(value))
      else {
        await turn()
        place.ledger.sent(numbers)
      }
    }
  },

  /** Waits that are cancelled, or late. */
  cancel: async (place) => {
    for (;;) {
      const controller = new AbortController()
      const waits = Promise.allSettled([
        place.empty.receive({ signal: controller.signal }),
        place.empty.lease({ timeout: 1 }),
        place.full.send(0, { signal: controller.signal }),
        place.full.sendMany([1, 2], { timeout: place.random.below(3) }),
        select([place.empty.receiving(), place.full.sending(1)], { signal: controller.signal }),
      ])
      if (place.random.below(2) === 0) await sleep(place.random.below(3))
      controller.abort()
      await waits
      place.pass()
    }
  },

  /** Comes and goes. */
  attach: async (place) => {
    for (;;) {
      using attached = Channel.attach(place.flow.token)
      const received = attached.tryReceive()
      if (received) place.receive(numberOf(received.value))
      if (place.random.below(4) === 0) await turn()
      if (attached.closed) return
    }
  },

  /** Waits for ever, in many ways at once. */
  wait: async (place) => {
    const waits = [
      place.empty.receive(),
      place.empty.receiveMany(10),
      place.empty.lease(),
      place.empty[Symbol.asyncIterator]().next(),
      place.full.send('never'),
      place.full.sendMany(['never', { n: 1 }]),
      select([place.empty.receiving(), place.full.sending('never')]),
    ]
    place.pass()
    await Promise.all(waits)
  },
} satisfies Record<ChannelJob, Job>

const BLOCKING_JOBS = {
  sendSync: (place) => {
    for (;;) {
      const numbers = place.ledger.offer(1)
      if (numbers.length === 0) return
      place.flow.sendSync(itemOf(numbers[0] as number))
      place.ledger.sent(numbers)
      place.pass()
    }
  },

  receiveSync: (place) => {
    for (;;) place.receive(numberOf(place.flow.receiveSync()))
  },

  blockedSend: (place) => {
    place.pass()
    place.full.sendSync('never')
  },

  blockedReceive: (place) => {
    place.pass()
    place.empty.receiveSync()
  },

  /** Has items ahead, staged and leased when it blocks. */
  blockedAmong: async (place) => {
    const held = [await place.flow.lease(), await place.flow.lease()]
    const loop = place.flow[Symbol.asyncIterator]()
    const first = await loop.next()
    if (first.done) return
    place.receive(numberOf(first.value))
    place.empty.receiveSync()
    for (const lease of held) lease.retry()
  },
} satisfies Record<BlockingJob, Job>

export const JOBS: Readonly<Record<JobName, Job>> = { ...CHANNEL_JOBS, ...BLOCKING_JOBS, ...SYSTEM_JOBS }
