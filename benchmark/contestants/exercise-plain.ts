/**
 * The exercise as one writes it without a library: a bounded array, and promises for those who wait at either end. Timers
 * have whole ms, so whole ms are drawn.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { add, arrived, items, WINDOW } from './contest.js'
import { CONSUMERS, HANDLING, noteSleep, PRODUCERS, PRODUCING, printShare } from './exercise.js'

const queue: number[] = []
const waitingProducers: (() => void)[] = []
const waitingConsumers: (() => void)[] = []
let produced = 0
let closed = false

async function produce(): Promise<void> {
  while (produced < items) {
    const value = produced++
    while (queue.length >= WINDOW) await new Promise<void>((resolve) => waitingProducers.push(resolve))
    queue.push(value)
    waitingConsumers.shift()?.()
    await sleep(draw(PRODUCING))
  }
}

async function consume(): Promise<void> {
  for (;;) {
    const value = queue.shift()
    if (value !== undefined) {
      waitingProducers.shift()?.()
      const ms = draw(HANDLING)
      await sleep(ms)
      noteSleep(ms)
      add(value)
    } else if (closed) {
      return
    } else {
      await new Promise<void>((resolve) => waitingConsumers.push(resolve))
    }
  }
}

function draw([shortest, longest]: readonly [number, number]): number {
  return shortest + Math.floor(Math.random() * (longest - shortest + 1))
}

const start = performance.now()
const consumers = Array.from({ length: CONSUMERS }, consume)
await Promise.all(Array.from({ length: PRODUCERS }, produce))
closed = true
for (const wake of waitingConsumers) wake()
await Promise.all(consumers)
printShare(arrived, performance.now() - start)
