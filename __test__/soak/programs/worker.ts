/** A worker that does one job until it is ended, or the channel is. */
import { workerData } from 'node:worker_threads'
import { untilEnd } from './jobs.js'
import { placeOfWorker, type WorkerPlan } from './place.js'

const { job } = workerData as WorkerPlan
// Not awaited: whether the module's own evaluation ends is not to matter.
void untilEnd(job, placeOfWorker())
