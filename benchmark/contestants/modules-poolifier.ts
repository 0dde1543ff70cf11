import { fileURLToPath } from 'node:url'
import { FixedThreadPool } from 'poolifier'
import { modes } from './contest.js'
import { addIncremented } from './modules-handler.js'
import { promises, runPool } from './pool.js'

const file = fileURLToPath(new URL('./modules-handler-poolifier.js', import.meta.url))
const pool = new FixedThreadPool<number, number>(Number(modes[0]), file)
await runPool({ handle: promises((value) => pool.execute(value), addIncremented), end: () => pool.destroy() })
