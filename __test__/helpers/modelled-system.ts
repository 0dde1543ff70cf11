/** A system that is driven step by step beside its model, and compared with it after each. */

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import {
  type Context,
  type DeadLetter,
  ProducerConsumerSystem,
  type Report,
  UnrecoverableError,
} from '../../src/index.js'
import { turns, until } from './gate.js'
import {
  type Config,
  letterText,
  type Outcome,
  type Plan,
  type Seen,
  SystemModel,
  textOf,
} from './system-model.js'

export type Item = number | string

/** A send; of what is not many, the first item alone. */
export interface Send {
  how: 'send' | 'sendMany' | 'trySend' | 'run'
  items: readonly Plan[]
}

export type Step =
  | { do: 'sends'; sends: readonly Send[] }
  | { do: 'settle'; nth: number }
  | { do: 'redrive' | 'discard'; odd: boolean | undefined }
  | { do: 'start' | 'pause' | 'resume' | 'idle' | 'stop' | 'abort' }

export interface Program {
  config: Config
  steps: readonly Step[]
}

/** ms after which what has not come is missed. Nothing that is right ever waits so long. */
const PATIENCE = 2000
/** ms after which a priority that waits would count as more. */
const NEVER = 2 ** 31 - 1

interface Pending {
  settle(): void
}

/** Runs a program to its end. Rejects where the system does anything else than its model. */
export async function runModelled(program: Program): Promise<void> {
  const modelled = new ModelledSystem(program.config)
  try {
    for (const step of program.steps) await modelled.step(step)
    await modelled.finish()
  } finally {
    await modelled.system.abort()
  }
}

class ModelledSystem {
  readonly system: ProducerConsumerSystem<Item, string>
  readonly #config: Config
  readonly #plans: Plan[] = []
  readonly #model: SystemModel
  /** Whether a send may give a key. */
  readonly #keyed: boolean
  readonly #calls: string[] = []
  readonly #failures: string[] = []
  readonly #letters: string[] = []
  readonly #results: string[] = []
  readonly #handled = new Map<number, number>()
  readonly #busy = new Set<number>()
  /** What the handler has, in the order in which it got it. */
  readonly #pending: Pending[] = []
  readonly #promises: string[] = []
  readonly #idles: boolean[] = []
  #reading: Promise<void> | undefined
  #ending: Promise<Report<Item>> | undefined

  constructor(config: Config) {
    const { capacity, consumers, attempts, priorities, keyOf, keep, block, results } = config
    this.#config = config
    this.#model = new SystemModel(config, this.#plans)
    this.#keyed = !keyOf && (attempts > 1 || priorities > 0)
    this.system = new ProducerConsumerSystem<Item, string>({
      capacity,
      consumers,
      results,
      handler: (item, context) => this.#handle(item, context),
      retry: { attempts, backoff: { delay: 0 } },
      deadLetters: { keep, whenFull: block ? 'block' : 'evict' },
      ...(priorities > 0 && { priorities, aging: NEVER }),
      ...(keyOf && { key: (item) => this.#plans[numberOf(item)]?.key }),
    })
    this.system.on('deadLetter', (letter) => this.#letters.push(textOfLetter(letter)))
    this.system.on('attemptFailed', ({ item, error, attempt, delay }) => {
      const fate = delay === undefined ? 'given up' : delay === 0 ? 'again' : `again in ${delay} ms`
      this.#failures.push(`${numberOf(item)}@${attempt} ${textOfError(error)} ${fate}`)
    })
    if (results) this.#reading = this.#read()
  }

  async step(step: Step): Promise<void> {
    const { system } = this
    const model = this.#model
    switch (step.do) {
      case 'sends':
        for (const send of step.sends) this.#send(send)
        break
      case 'settle':
        this.#settle(step.nth)
        break
      case 'start':
        strictEqual(await codeOf(() => system.start()), model.start(), 'start()')
        break
      case 'pause':
      case 'resume':
        strictEqual(await codeOf(() => system[step.do]()), model.pause(step.do === 'pause'), step.do)
        break
      case 'idle':
        this.#idle()
        break
      case 'redrive':
        if (model.redriving) return
        model.redrive(filterOf(step.odd))
        this.#follow(
          system.deadLetters.redrive(({ item }) => filterOf(step.odd)(numberOf(item))),
          (sent) => `redrove ${sent}`,
        )
        break
      case 'discard':
        strictEqual(
          system.deadLetters.discard(({ item }) => filterOf(step.odd)(numberOf(item))),
          model.discard(filterOf(step.odd)),
          'discarded letters',
        )
        break
      case 'stop':
        this.#ending = system.stop()
        model.stop()
        break
      case 'abort':
        this.#ending = system.abort(new Error('the program says so'))
        model.abort()
    }
    model.rest()
    await this.#compare()
  }

  /** Lets all handlers come to their end, stops, and compares the reports. */
  async finish(): Promise<void> {
    const model = this.#model
    if (model.state !== 'draining' && !model.over) await this.step({ do: 'stop' })
    while (model.inHand.length > 0) await this.step({ do: 'settle', nth: 0 })
    strictEqual(this.#ending, this.system.finished, 'a stop gives the one report')
    const { unprocessed, detached, ...stats } = (await this.#ending) as Report<Item>
    await this.#reading
    deepStrictEqual(statsOf(stats), model.seen().stats, 'the report')
    deepStrictEqual(sorted(unprocessed.map(numberOf)), sorted(model.unprocessed), 'unprocessed items')
    deepStrictEqual(detached, [])
    const { produced, processed, deadLettered, discarded } = stats
    strictEqual(produced, processed + deadLettered + discarded, 'conservation')
    ok(stats.peakQueued <= stats.capacity, `peak ${stats.peakQueued} within ${stats.capacity}`)
    // What comes now is too late.
    for (const { settle } of this.#pending.splice(0)) settle()
    await this.#compare()
  }

  // What the test does to the system.

  #send({ how, items }: Send): void {
    const { system } = this
    const model = this.#model
    const first = this.#plans.length
    const [plan] = items as [Plan]
    this.#plans.push(...(how === 'sendMany' ? items : [plan]))
    const numbers = Array.from({ length: this.#plans.length - first }, (_, index) => first + index)
    const values = numbers.map(itemOf) as [Item, ...Item[]]
    const { priorities } = this.#config
    const priority = priorities > 0 ? Math.min(plan.priority, priorities - 1) : 0
    const key = this.#keyed ? plan.key : undefined
    const marks = { ...(priority > 0 && { priority }), ...(key !== undefined && { key }) }
    // Without options it takes a way of its own.
    const options = priority > 0 || key !== undefined ? marks : undefined
    if (how === 'trySend') {
      let tried: string
      try {
        tried = `${system.trySend(values[0], options)}`
      } catch (error) {
        tried = textOfError(error)
      }
      strictEqual(tried, model.trySend(first, priority, key), `trySend of ${first}`)
    } else if (how === 'run') {
      this.#follow(system.run(values[0], options), (result) => `result ${result}`)
      model.run(first, priority, key, options === undefined)
    } else {
      const many = how === 'sendMany'
      this.#follow(
        many ? system.sendMany(values, options) : system.send(values[0], options),
        () => 'done',
        many,
      )
      model.send(numbers, priority, key, many)
    }
  }

  #settle(nth: number): void {
    const { inHand } = this.#model
    const late = inHand.length === 0
    const [pending] = this.#pending.splice(nth % Math.max(1, this.#pending.length), 1)
    pending?.settle()
    if (!late) this.#model.settle(nth % inHand.length)
  }

  #idle(): void {
    const index = this.#idles.push(false) - 1
    this.#model.idle()
    void this.system.idle().then(() => {
      this.#idles[index] = true
    })
  }

  #follow<V>(promise: Promise<V>, name: (value: V) => string, many = false): void {
    const index = this.#promises.push('pending') - 1
    promise.then(
      (value) => {
        this.#promises[index] = name(value)
      },
      (error) => {
        const text = textOfError(error)
        const failed = text.startsWith('ERR_') ? text : `error ${text}`
        this.#promises[index] = many ? `${failed} after ${error.accepted}` : failed
      },
    )
  }

  async #read(): Promise<void> {
    try {
      for await (const result of this.system.results()) this.#results.push(result)
    } catch (error) {
      strictEqual(textOfError(error), 'ERR_MILLRACE_ABORTED', 'results()')
    }
  }

  // What the system does.

  #handle(item: Item, context: Context<Item>): string | Promise<string> {
    const { worker, attempt } = context
    const number = numberOf(item)
    const call = this.#handled.get(number) ?? 0
    this.#handled.set(number, call + 1)
    this.#calls.push(`${number}@${attempt}`)
    if (this.#busy.has(worker) || worker >= this.#config.consumers)
      this.#calls.push(`by consumer ${worker}, beside another`)
    const { outcomes, sync } = this.#plans[number] as Plan
    const end = (): string => {
      this.#busy.delete(worker)
      const outcome: Outcome = outcomes[call] ?? 'ok'
      const text = textOf(number, call)
      if (outcome === 'ok') return text
      throw outcome === 'fail' ? new Error(text) : new UnrecoverableError(text)
    }
    this.#busy.add(worker)
    if (sync) return end()
    return new Promise((resolve, reject) => {
      this.#pending.push({
        settle: () => {
          try {
            resolve(end())
          } catch (error) {
            reject(error)
          }
        },
      })
    })
  }

  // The comparison.

  async #compare(): Promise<void> {
    const expected = expectedOf(this.#model)
    const patience = performance.now() + PATIENCE
    // A call that should not have come is seen at once, one that is missing once patience is at its end.
    const calls = expected.calls.length
    await until(
      () =>
        this.#calls.length > calls ||
        (this.#calls.length === calls && this.#isAs(expected)) ||
        performance.now() > patience,
    )
    // Nothing more comes.
    await turns(2)
    deepStrictEqual(this.#seen(), expected)
    for (const [index, { outcome }] of this.#model.promises.entries()) {
      const promised = this.#promises[index] as string
      ok(promises(outcome).includes(promised), `promise ${index}: expected ${outcome}, got ${promised}`)
    }
    for (const [index, idle] of this.#model.idles.entries()) {
      const expectedIdle = this.#model.isIdle(idle)
      if (expectedIdle !== undefined) strictEqual(this.#idles[index], expectedIdle, `idle ${index}`)
    }
  }

  #isAs(expected: Seen): boolean {
    return (
      this.#model.promises.every(({ outcome }, index) =>
        promises(outcome).includes(this.#promises[index] as string),
      ) &&
      this.#model.idles.every((idle, index) => this.#model.isIdle(idle) !== true || this.#idles[index]) &&
      JSON.stringify(this.#seen()) === JSON.stringify(expected)
    )
  }

  #seen(): Seen {
    const { deadLetters } = this.system
    return {
      calls: this.#calls,
      failures: this.#failures,
      letters: lettersOf(this.#letters),
      kept: lettersOf([...deadLetters].map(textOfLetter)),
      evicted: deadLetters.evicted,
      results: this.#results,
      stats: statsOf(this.system.stats()),
    }
  }
}

function expectedOf(model: SystemModel): Seen {
  const seen = model.seen()
  return { ...seen, letters: lettersOf(seen.letters), kept: lettersOf(seen.kept) }
}

/** Those of an abort come in any order. */
function lettersOf(letters: readonly string[]): readonly string[] {
  const first = letters.findIndex((letter) => letter.includes(': aborted,'))
  return first < 0 ? letters : letters.toSorted()
}

function statsOf(stats: ReturnType<ProducerConsumerSystem['stats']>): Record<string, unknown> {
  const { state, capacity, queued, waitingSends, produced, processed } = stats
  const { failedAttempts, retrying, deadLettered, discarded, inFlight } = stats
  return {
    state,
    capacity,
    queued,
    waitingSends,
    produced,
    processed,
    failedAttempts,
    retrying,
    deadLettered,
    discarded,
    inFlight,
  }
}

function promises(outcome: string | readonly string[]): readonly string[] {
  return typeof outcome === 'string' ? [outcome] : outcome
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((one, other) => one - other)
}

function filterOf(odd: boolean | undefined): (item: number) => boolean {
  return (item) => odd === undefined || (item % 2 === 1) === odd
}

async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'done'
  } catch (error) {
    return textOfError(error)
  }
}

/** What a handler threw, or the code of an error that it did not. */
function textOfError(error: unknown): string {
  const { code, message } = error as { code?: string; message: string }
  return /^\d+\.\d+$/.test(message) ? message : (code ?? message)
}

function textOfLetter({ item, attempts, reason, error, deaths }: DeadLetter<Item>): string {
  return letterText(numberOf(item), attempts, deaths === 0 ? reason : `${deaths} deaths`, textOfError(error))
}

/** Numbers travel in a way of their own. */
function itemOf(number: number): Item {
  return number % 3 === 0 ? `item ${number}` : number
}

function numberOf(item: Item): number {
  return typeof item === 'number' ? item : Number(item.slice('item '.length))
}
