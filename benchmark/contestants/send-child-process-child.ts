import { items, modes } from './contest.js'
import type { PayloadName } from './payloads.js'
import { type MessageKind, receiveAcknowledged } from './send-acknowledged.js'

const [kind, payload] = modes as [MessageKind, PayloadName]
const hear = receiveAcknowledged(
  { payload, kind, items },
  (message) => process.send?.(message),
  // The parent disconnects, which ends this process: here what was said last could be lost.
  () => {},
)
process.on('message', hear)
process.send?.('ready')
