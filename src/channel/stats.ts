/** A channel's figures, at one moment. For people to look at, never something to decide by. */
export interface ChannelStats {
  /** The most items it holds. */
  capacity: number
  /** Items in it. */
  queued: number
  /** The most items that were ever in it at once. */
  peakQueued: number
  /** Sends that wait for room, of all threads. */
  waitingSends: number
  /** Items leased and not settled yet, those that were given back included. */
  leased: number
  /** Items that an abort found on their way in or out. */
  discarded: number
  /** Items that sends dropped for want of room; see `overflow`. */
  dropped: number
}
