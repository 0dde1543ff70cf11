import { queue } from 'async'
import { add, CONCURRENCY, feed, modes, run } from './contest.js'

/** With a callback, push makes no promise. */
const pushed = (): void => {}

void run(() => {
  const promise = modes[0] === 'promise'
  const work = promise
    ? queue(async (value: number) => add(value), CONCURRENCY)
    : queue((value: number, done) => {
        add(value)
        done()
      }, CONCURRENCY)
  return feed(promise ? (value) => void work.push(value) : (value) => void work.push(value, pushed), () =>
    work.drain(),
  )
})
