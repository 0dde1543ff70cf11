/** A system's plan as the native side has it. */

import type { SystemSpec } from './binding.js'
import { ForeignChannel } from './channel-runner.js'
import { WorkerModule } from './modules/module.js'
import type { SystemPlan } from './options.js'
import { OVERFLOWS } from './overflow.js'

export function specOf<T, R>(plan: SystemPlan<T, R>): SystemSpec {
  const { producers, consumers, capacity, overflow, order, source, handler, retry, handlerTimeout, leased } =
    plan
  return {
    retry,
    ...(handlerTimeout !== undefined && { handlerTimeout }),
    leased: leased !== undefined,
    ...(plan.deadLetters.block && { deadLetters: plan.deadLetters.keep }),
    producers,
    consumers,
    capacity,
    overflow: OVERFLOWS.indexOf(overflow),
    order,
    source:
      source === undefined
        ? { kind: 'none' }
        : typeof source === 'function' || source instanceof ForeignChannel || source instanceof WorkerModule
          ? { kind: 'external' }
          : source,
    handler:
      typeof handler === 'function'
        ? { kind: 'external' }
        : handler instanceof WorkerModule
          ? { kind: 'workers' }
          : handler,
  }
}
