import fastq, { type done } from 'fastq'
import { add, CONCURRENCY, feed, modes, run } from './contest.js'

const idle = (queue: { drain: () => void }) => () =>
  new Promise<void>((resolve) => {
    queue.drain = resolve
  })

void run(() => {
  if (modes[0] === 'promise') {
    const queue = fastq.promise(async (value: number) => add(value), CONCURRENCY)
    return feed((value) => void queue.push(value), idle(queue))
  }
  const queue = fastq((value: number, done: done) => {
    add(value)
    done(null)
  }, CONCURRENCY)
  // Counted in the callback of each push: `drain` would be called for every item, because a handler that is synchronous
  // empties the queue each time, and that makes fastq four times slower.
  let left = 0
  let settle = (): void => {}
  const settled = (): void => {
    if (--left === 0) settle()
  }
  return feed(
    (value) => queue.push(value, settled),
    (length) =>
      new Promise<void>((resolve) => {
        left = length
        settle = resolve
      }),
  )
})
