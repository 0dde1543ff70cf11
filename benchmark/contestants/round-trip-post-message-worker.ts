import { type MessagePort, parentPort } from 'node:worker_threads'
import { answer } from './round-trip.js'

const port = parentPort as MessagePort
port.on('message', (value: number | 'end') => {
  if (value === 'end') port.close()
  else port.postMessage(answer(value))
})
port.postMessage('ready')
