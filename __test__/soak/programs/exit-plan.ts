/** Ends of processes: which there are, drawn at random, and which are right. */
import type { Random } from '../../helpers/random.js'
import type { Ended } from '../trial.js'
import {
  BLOCKING_JOBS,
  CHANNEL_JOBS,
  ENDS,
  type End,
  type ExitPlan,
  type JobName,
  PLANNED,
  SYSTEM_JOBS,
} from './plans.js'

const ON_MAIN: readonly JobName[] = [...CHANNEL_JOBS, ...SYSTEM_JOBS]
const IN_WORKERS: readonly JobName[] = [...ON_MAIN, ...BLOCKING_JOBS, ...BLOCKING_JOBS]
/** Those that pass items on for as long as the main thread sends and receives, so that they come to their own end. */
const PASSING: readonly JobName[] = [
  'send',
  'sendMany',
  'sendSync',
  'receive',
  'receiveSync',
  'iterate',
  'lease',
]
/** What is thrown in a handler only fails its attempt. */
const HANDLING: readonly JobName[] = ['callback', 'asyncCallback', 'failing', 'runs', 'slowReader']

/** @param end - which; a random one by default */
export function drawExit(random: Random, end?: End): ExitPlan {
  const any = <T>(values: readonly T[]): T => values[random.below(values.length)] as T
  const some = (names: readonly JobName[], most: number): JobName[] =>
    Array.from({ length: random.below(most + 1) }, () => any(names))
  // Exits are what there is the most of in real programs.
  const drawn = end ?? (random.below(3) === 0 ? 'exit' : any(ENDS))
  const by = any(['items', 'items', 'timer', 'busy'] as const)
  const inWorker = drawn.startsWith('worker')
  return {
    end: drawn,
    code: 2 + random.below(100),
    moment: { by, count: random.below(by === 'items' ? 2000 : 120), begun: random.below(3) > 0 },
    main: inWorker
      ? ['send', 'iterate']
      : (['iterate', 'send', ...some(ON_MAIN, 3)].slice(random.below(3)) as JobName[]),
    workers: inWorker
      ? [any(drawn === 'worker exit' ? [...PASSING, ...HANDLING] : PASSING), ...some(IN_WORKERS, 1)]
      : some(IN_WORKERS, 3),
    seed: random.below(2 ** 31),
  }
}

/** What is wrong with the end of the program that was told `plan`; undefined where it is right. */
export function wrongExit({ end, code }: ExitPlan, ended: Ended): string | undefined {
  const throws = ['throw', 'throw later', 'reject', 'worker throw'].includes(end)
  const signal = end === 'SIGTERM' || end === 'SIGINT' ? end : null
  const expected = throws ? 1 : end === 'open' ? 0 : signal ? null : code
  const came = `${ended.signal ?? ended.code}, stdout: ${ended.stdout}, stderr: ${ended.stderr}`
  if (ended.code !== expected || ended.signal !== signal) return `expected ${signal ?? expected}, got ${came}`
  if (throws ? !ended.stderr.includes(`Error: ${PLANNED}`) : ended.stderr !== '')
    return `expected ${throws ? 'the error' : 'nothing'} on stderr, got ${came}`
  return ended.stdout === '' ? undefined : `expected nothing on stdout, got ${came}`
}
