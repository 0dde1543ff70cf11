/** One round: a channel, the threads that use it, their ends, and the verdict. */

import { inspect } from 'node:util'
import { Channel } from '../../../src/index.js'
import { numberOf } from '../../helpers/items.js'
import { moment } from './chance.js'
import type { Crew, Turn } from './channel-crew.js'
import { Ledger, MAIN } from './channel-ledger.js'
import { type Plan, planRound } from './channel-plan.js'
import { DOOMED } from './channel-receiving.js'
import { isEnd } from './channel-seat.js'
import { type Part, takePart } from './channel-thread.js'
import { judge } from './channel-verdict.js'
import type { Round } from './rounds.js'

export async function playChannelRound(crew: Crew, round: Round): Promise<void> {
  await new ChannelRound(crew, round, planRound(round.random)).play()
}

class ChannelRound {
  readonly #round: Round
  readonly #plan: Plan
  readonly #ledger: Ledger
  readonly #channel: Channel<unknown>
  /** Outlives the handle that made the channel, which may be disposed of. */
  readonly #handle: Channel<unknown>
  readonly #turns: { part: Part; turn: Turn }[] = []
  readonly #main: { sent: Promise<void>; over: Promise<void> } | undefined

  constructor(crew: Crew, round: Round, plan: Plan) {
    this.#round = round
    this.#plan = plan
    this.#ledger = new Ledger(plan.items)
    const onDrop = (item: unknown): void => this.#ledger.drop(numberOf(item))
    this.#channel = new Channel<unknown>({ ...plan.options, onDrop })
    const { token } = this.#channel
    this.#handle = Channel.attach<unknown>(token, { onDrop })
    const { items } = plan
    const { memory } = this.#ledger
    for (const part of plan.parts) {
      if (part.thread === MAIN) this.#main = this.#takePart(part)
      else this.#turns.push({ part, turn: crew.play({ part, token, items, memory }) })
    }
    round.describe = () => this.#describe()
  }

  async play(): Promise<void> {
    const over = [...this.#turns.map(({ turn }) => turn.over), this.#main?.over]
    await Promise.all([this.#end(), this.#drain(), ...over, ...this.#turns.map((each) => this.#kill(each))])
    this.#conclude()
    this.#handle[Symbol.dispose]()
    this.#channel[Symbol.dispose]()
  }

  #takePart(part: Part): { sent: Promise<void>; over: Promise<void> } {
    let sent: Promise<void> | undefined
    const over = new Promise<void>((resolve) => {
      sent = new Promise((resolveSent) => {
        takePart(this.#handle, this.#ledger, part, true, resolveSent)
          .catch((error: unknown) => {
            this.#round.tally.wrong('crashes', `the main thread's part: ${inspect(error)}`)
            resolveSent()
          })
          .finally(resolve)
      })
    })
    return { sent: sent as unknown as Promise<void>, over }
  }

  async #kill({ part: { doom, thread }, turn }: { part: Part; turn: Turn }): Promise<void> {
    if (!doom || doom.how === 'exits' || doom.how === 'throws') return
    await this.#someMoment()
    if (turn.isOver) return
    if (this.#ledger.of(thread, 'blocked') === 1) this.#round.figure('terminations in blocking calls')
    await turn.terminate()
  }

  /** Not before all threads are there: they may have to be started first. */
  async #someMoment(): Promise<void> {
    await Promise.all(this.#turns.map(({ turn }) => turn.begun))
    await moment(this.#round.random)
  }

  async #end(): Promise<void> {
    const { tally } = this.#round
    if (this.#plan.ending === 'drained')
      await Promise.all([...this.#turns.map(({ turn }) => turn.sent), this.#main?.sent])
    else await this.#someMoment()
    if (this.#plan.ending === 'aborted') {
      for (const item of this.#channel.abort(new Error('enough'))) this.#ledger.withdraw(numberOf(item))
      tally.tried('aborts')
    } else {
      if (this.#plan.ending === 'disposed') this.#channel[Symbol.dispose]()
      else this.#channel.close()
      tally.tried('closes')
    }
  }

  /** Receives what is left once nobody else does, so that senders come to their end. */
  async #drain(): Promise<void> {
    await Promise.all(this.#turns.map(({ part, turn }) => part.receives && turn.over))
    try {
      for await (const item of this.#handle) this.#ledger.receive(numberOf(item))
    } catch (error) {
      if (!isEnd(error)) throw error
    }
  }

  #conclude(): void {
    const { tally, figure } = this.#round
    const { parts, ending, fast } = this.#plan
    const dead = new Set<number>()
    for (const { part, turn } of this.#turns) {
      const { doom, thread } = part
      if (turn.failure !== undefined && !turn.failure.includes(DOOMED))
        tally.wrong('crashes', `thread ${thread}: ${turn.failure}`)
      if (!turn.died) continue
      dead.add(thread)
      if (!doom) tally.wrong('crashes', `thread ${thread} died unasked`)
      else tally.tried(doom.how === 'exits' || doom.how === 'throws' ? 'exits' : 'terminations')
    }
    const { capacity, queued, peakQueued, waitingSends, leased, discarded, dropped } = this.#handle.stats()
    if (
      queued + waitingSends + leased > 0 ||
      peakQueued > capacity ||
      (ending !== 'aborted' && discarded > 0)
    )
      tally.wrong('crashes', `impossible figures at the end: ${inspect(this.#handle.stats())}`)
    const verdict = judge(this.#ledger, { senders: parts, dead, discarded, dropped })
    const told = `${this.#describe()}; ${inspect(verdict)}`
    if (verdict.lost > 0) tally.wrong('lost', `${verdict.lost} items: ${told}`, verdict.lost)
    const again = verdict.duplicated.length + verdict.uncalled.length
    if (again > 0) tally.wrong('duplicated', `${again} items: ${told}`, again)
    if (verdict.impossible.length > 0) tally.wrong('crashes', told)
    tally.tried('items', verdict.admitted)
    figure(fast ? 'items of fast rounds' : 'items of wild rounds', verdict.admitted)
    figure('items that died with their thread', verdict.diedWith)
    for (const { thread } of parts) figure('waits broken off', this.#ledger.of(thread, 'cancelled'))
  }

  #describe(): string {
    const { options, ending, parts } = this.#plan
    const turns = this.#turns.map(({ part: { thread }, turn }) => {
      const state = turn.died ? 'dead' : turn.isOver ? 'over' : 'at it'
      return `thread ${thread} is ${state}${this.#ledger.of(thread, 'blocked') === 1 ? ', blocked' : ''}`
    })
    return inspect(
      { options, ending, parts, turns, stats: this.#handle.stats() },
      { depth: 4, breakLength: 200 },
    )
  }
}
