import { ProducerConsumerSystem, sequence } from '../../src/index.js'
import { add, CONCURRENCY, items, modes, run, WINDOW } from './contest.js'

const handlers = {
  sync: (value: number) => add(value),
  async: async (value: number) => add(value),
}

void run(async () => {
  const system = new ProducerConsumerSystem({
    producers: 10,
    consumers: CONCURRENCY,
    capacity: WINDOW,
    source: sequence({ of: 'number', limit: items }),
    handler: modes[0] === 'async' ? handlers.async : handlers.sync,
  })
  await system.start()
  await system.finished
})
