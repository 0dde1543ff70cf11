/** Systems of every kind, at work until their thread ends. */
import { fileURLToPath } from 'node:url'
import {
  files,
  handlerModule,
  hash,
  hashFile,
  lines,
  noop,
  ProducerConsumerSystem,
  type SystemOptions,
  sequence,
  sleep,
  sourceModule,
} from '../../../src/index.js'
import type * as Modules from './modules.js'
import type { Place } from './place.js'
import type { SystemJob } from './plans.js'

const MODULES = new URL('./modules.js', import.meta.url)
const HERE = fileURLToPath(new URL('..', import.meta.url))
const TEXT = fileURLToPath(new URL('./jobs.js', import.meta.url))

async function started<T, R>(
  place: Place,
  options: SystemOptions<T, R>,
): Promise<ProducerConsumerSystem<T, R>> {
  // Many may be given up at a stop, which is no reason for a warning.
  const system = new ProducerConsumerSystem<T, R>({ ...options, deadLetters: { keep: 1_000_000 } })
  place.systems.push(system)
  await system.start()
  place.pass()
  return system
}

export const SYSTEM_JOBS = {
  nativeSystem: async (place) => {
    await started(place, { producers: 3, consumers: 2, source: sequence(), handler: sleep([0, 3]) })
  },

  hashTasks: async (place) => {
    const source = sequence({ of: 'bytes', size: 1 << place.random.below(20) })
    await started(place, { producers: 1, consumers: 2, source, handler: hash('sha256') })
  },

  callback: async (place) => {
    await started(place, {
      source: sequence({ of: 'number', delay: [0, 1] }),
      handler: () => place.pass(),
    })
  },

  asyncCallback: async (place) => {
    await started(place, {
      consumers: 10,
      source: sequence({ of: 'number' }),
      handler: async (n) => {
        if (n % 3 === 0) await new Promise(setImmediate)
        place.pass()
      },
    })
  },

  /** Items that fail, wait for their next attempt, and are given up. */
  failing: async (place) => {
    const system = await started<number, void>(place, {
      consumers: 5,
      handler: (n, { attempt }) => {
        place.pass()
        if (n % 3 === 0 || attempt < 2) throw new Error(`no ${n}`)
      },
      retry: { attempts: 3, backoff: { type: 'exponential', delay: 1, max: 5, jitter: 0.5 } },
    })
    for (let n = 0; ; n++) await system.send(n)
  },

  fileLines: async (place) => {
    for (;;) {
      const source = lines([TEXT, fileURLToPath(MODULES)])
      const system = await started(place, { producers: 2, source, handler: () => place.pass() })
      await system.finished
      place.systems.pop()
    }
  },

  fileHashes: async (place) => {
    for (;;) {
      const system = await started(place, { source: files(HERE), handler: hashFile('sha256'), results: true })
      for await (const _ of system.results()) place.pass()
      await system.finished
      place.systems.pop()
    }
  },

  iterable: async (place) => {
    async function* source(): AsyncGenerator<number> {
      for (let n = 0; ; n++) {
        if (n % 10 === 0) await new Promise(setImmediate)
        place.pass()
        yield n
      }
    }
    await started(place, { source, handler: noop() })
  },

  runs: async (place) => {
    const system = await started(place, { consumers: 3, handler: async (n: number) => -n })
    for (let n = 0; ; n++) {
      await Promise.all([system.run(n), system.run(n + 0.5)])
      place.pass()
    }
  },

  slowReader: async (place) => {
    const system = await started(place, {
      capacity: 20,
      source: sequence({ of: 'number' }),
      handler: (n) => n,
      results: true,
    })
    for await (const _ of system.results()) {
      place.pass()
      await new Promise(setImmediate)
    }
  },

  moduleHandler: async (place) => {
    const handler = handlerModule<typeof Modules, 'handle'>(MODULES, { export: 'handle' })
    const system = await started(place, { consumers: 2, capacity: 50, handler })
    for (let n = 0; ; n++) {
      if (n % 10 === 0) await system.run(n)
      else await system.send(n)
      place.pass()
    }
  },

  moduleSource: async (place) => {
    const source = sourceModule<typeof Modules, 'make'>(MODULES, { export: 'make' })
    await started(place, { producers: 2, source, handler: () => place.pass() })
  },

  /** Its workers die, and are replaced. */
  mortalHandler: async (place) => {
    const handler = handlerModule<typeof Modules, 'die'>(MODULES, { export: 'die' })
    const system = await started(place, { consumers: 2, handler, results: true })
    const results = system.results()
    await system.sendMany(Array.from({ length: 100 }, (_, n) => n))
    for await (const _ of results) place.pass()
  },

  /** Idle: nothing but waits. */
  idle: async (place) => {
    const handler = handlerModule<typeof Modules, 'handle'>(MODULES, { export: 'handle' })
    const system = await started(place, { consumers: 1, handler, results: true })
    await system.results().next()
  },
} satisfies Record<SystemJob, (place: Place) => Promise<void>>
