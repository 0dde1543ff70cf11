/** Can be initialized once; the second time there is something that keeps its worker alive. */

import { Cells } from '../helpers/cells.js'
import { init as initShared, STARTS } from './shared.js'

export { poisoned } from './shared.js'

export function init(memory: SharedArrayBuffer): void {
  setInterval(() => {}, 1000)
  if (new Cells(memory).count(STARTS) > 1) throw new Error('only once')
  initShared(memory)
}
