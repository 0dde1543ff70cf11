/** A bounded channel that crosses threads, and a producer-consumer system on top of it. */

export {
  type AttachOptions,
  Channel,
  type ChannelOptions,
  type SendSyncOptions,
  type SyncOptions,
} from './channel/channel.js'
export type { ItemChannel } from './channel/item-channel.js'
export type { Lease } from './channel/lease.js'
export type { OrderOptions, RateOptions } from './channel/order-options.js'
export {
  type ReceivingCase,
  type SelectCase,
  type Selected,
  type SendingCase,
  select,
} from './channel/select.js'
export type { ItemSendOptions, MarkOptions } from './channel/send-options.js'
export type { ChannelStats } from './channel/stats.js'
export type { ChannelToken } from './channel/token.js'
export type {
  BatchHandlerFunction,
  BatchResults,
  Context,
  HandlerFunction,
  SourceContext,
  SourceFunction,
} from './context.js'
export { type DeadLetterOptions, DeadLetters } from './dead-letters.js'
export {
  AbortedError,
  BatchError,
  BatchResultError,
  ClosedError,
  DetachedError,
  FullError,
  HandlerError,
  HandlerTimeoutError,
  InvalidOptionError,
  MainThreadError,
  MillraceError,
  ModuleError,
  NativeBindingError,
  RetryIfError,
  SourceError,
  StaleTokenError,
  StateError,
  TimeoutError,
  UncloneableError,
  UnrecoverableError,
  WorkerDiedError,
  WouldDeadlockError,
} from './errors.js'
export type { FailedAttempt, SystemEvent, SystemEvents, SystemListener, WorkerExit } from './events.js'
export {
  type FileDigest,
  type Handler,
  type HashAlgorithm,
  type HashFileOptions,
  hash,
  hashFile,
  noop,
  sleep,
} from './handlers.js'
export { handlerModule, type ModuleOptions, sourceModule, type WorkerLimits } from './modules/module.js'
export type {
  BatchedSystemOptions,
  BatchOptions,
  SystemHandler,
  SystemOptions,
  SystemSource,
} from './options.js'
export type { OnDrop, Overflow } from './overflow.js'
export type { DeadLetter, DeadLetterReason, Report } from './report.js'
export type { BackoffOptions, RetryOptions } from './retry.js'
export {
  type FilesOptions,
  files,
  type KeyColumn,
  type LinesOptions,
  lines,
  type Path,
  type SequenceItem,
  type SequenceOptions,
  type Source,
  sequence,
} from './sources.js'
export type { Percentiles, SystemState, SystemStats, ThreadState, ThreadStats } from './stats.js'
export { ProducerConsumerSystem, type StopOptions } from './system.js'
export type { TextEncoding } from './text.js'
export type { Span } from './validate.js'
export type { SendOptions, WaitOptions } from './wait.js'
