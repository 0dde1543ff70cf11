/** Rounds of channels between threads that are closed, aborted and terminated; see `playRounds` for its options. */

import { Crew } from './channel-crew.js'
import { playChannelRound } from './channel-round.js'
import { playRounds } from './rounds.js'

const crew = new Crew()
await playRounds((round) => playChannelRound(crew, round))
await crew.close()
