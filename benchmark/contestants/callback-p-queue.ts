import PQueue from 'p-queue'
import { add, CONCURRENCY, feed, run } from './contest.js'

void run(() => {
  const queue = new PQueue({ concurrency: CONCURRENCY })
  return feed(
    (value) => void queue.add(async () => add(value)),
    // Asked for before the window is pushed, it would be idle already.
    () => Promise.resolve().then(() => queue.onIdle()),
  )
})
