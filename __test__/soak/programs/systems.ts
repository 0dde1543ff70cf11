/** Rounds of systems whose handlers fail and whose workers die; see `playRounds` for its options. */

import { playRounds } from './rounds.js'
import { playSystemRound } from './system-round.js'

await playRounds(playSystemRound)
