import { roundsPart } from '../rounds-part.js'

/** Systems whose handlers fail and whose workers die, stopped and aborted at random, with an account of each item. */
export const systems = roundsPart({
  name: 'systems',
  what: 'systems whose handlers fail and whose workers die, stopped and aborted, each item accounted for',
  share: 2,
})
