/** A bounded channel that crosses threads, and a producer-consumer system on top of it. */

export type { Context, HandlerFunction, SourceContext, SourceFunction } from './context.js'
export {
  AbortedError,
  ClosedError,
  FullError,
  HandlerError,
  InvalidOptionError,
  MillraceError,
  ModuleError,
  NativeBindingError,
  SourceError,
  StateError,
  TimeoutError,
  UncloneableError,
  WorkerDiedError,
  WouldDeadlockError,
} from './errors.js'
export type { SystemEvent, SystemEvents, SystemListener } from './events.js'
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
export type { SystemHandler, SystemOptions, SystemSource } from './options.js'
export type { DeadLetter, DeadLetterReason, Report } from './report.js'
export {
  type FilesOptions,
  files,
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
