/** valgrind's memcheck on a Node process that uses the binding. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MEMCHECK } from './memcheck.js'
import { type Outcome, root, run, type Tool, valgrindMissing } from './tool.js'

/** V8 and Node lose memory of their own, and read code that they have just written: only what has our object in its stack counts. */
const OURS = /<obj>[^<]*millrace\.[^<]*\.node<\/obj>/

export const addon: Tool = {
  name: 'memcheck of the binding',
  inEachRun: false,
  missing: valgrindMissing,
  async trials() {
    return [{ what: 'channels and systems in Node', run: check }]
  },
}

async function check(): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-memory-'))
  try {
    const xml = join(folder, 'errors.xml')
    const { code, output } = await run('valgrind', [
      ...MEMCHECK.filter((flag) => !flag.startsWith('--error-exitcode')),
      ...['--xml=yes', `--xml-file=${xml}`, '--error-limit=no'],
      // What V8 compiles at run time changes under valgrind's eyes.
      ...['--smc-check=all-non-file', process.execPath, '--jitless', '--expose-gc'],
      join(root, 'build/scripts/memory/addon-program.js'),
    ])
    const errors = [...(await readFile(xml, 'utf8')).matchAll(/<error>.*?<\/error>/gs)].map(
      ([error]) => error,
    )
    const ours = errors.filter((error) => OURS.test(error))
    const ended = code === 0 && output.includes('all came through')
    return {
      passed: ended && ours.length === 0 ? 1 : 0,
      failed: ended && ours.length === 0 ? 0 : 1,
      output: `${output}\n${ours.join('\n')}`,
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}
