import { roundsPart } from '../rounds-part.js'

/** Channels between threads that are closed, aborted and terminated at random, with an account of each item. */
export const channels = roundsPart({
  name: 'channels',
  what: 'channels between worker threads that are closed, aborted and terminated, each item accounted for',
  share: 2,
  goal: 1e8,
})
