// node scripts/run.mjs MODULE ARGS…: builds what is stale, then becomes `node build/MODULE ARGS…`.
// `npm start` calls it by the shell's `exec`, so that a signal to npm is for the program, not for a shell between them.
import './build.mjs'
import { fileURLToPath } from 'node:url'

const [node, , module, ...args] = process.argv
const url = new URL(`../build/${module}`, import.meta.url)
process.argv = [node, fileURLToPath(url), ...args]
// npm moved us to the package's root; a relative path among the arguments means the folder where npm was called.
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD)
// In this very process: signals, standard streams and the exit code are then the program's own.
await import(url)
