/** `send` to a process made by `fork`, one value or an array a message. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { items, modes } from './contest.js'
import { type PayloadName, storedValues } from './payloads.js'
import { type Acknowledgement, type MessageKind, sendWindowed } from './send-acknowledged.js'

const [serialization, kind, payload] = modes as ['json' | 'advanced', MessageKind, PayloadName]
const file = fileURLToPath(new URL('send-child-process-child.js', import.meta.url))
const child = fork(file, [kind, payload, String(items)], { serialization })
await once(child, 'message')
const heard = sendWindowed(storedValues(payload), kind, (message) => void child.send(message as object))
child.on('message', (message) => {
  heard(message as Acknowledgement)
  if (typeof message === 'object') child.disconnect()
})
