import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { avaCounts, type Counts as Tests } from './ava-counts.js'
import { buildBinaries } from './cargo.js'
import { failuresIn } from './failures.js'

/** Its line starts what .ci/run prints once more at its end. */
const AGAIN = 'What failed, once more:'

interface Counts extends Tests {
  /** That there was nothing to run, and why has been printed. */
  skipped?: boolean
}

const root = fileURLToPath(new URL('../..', import.meta.url))

buildBinaries(['millrace-instructions', 'millrace-soak'])

const failures: string[] = []
const runs: Counts[] = [
  await run(['cargo', 'test', '--workspace', '--no-fail-fast'], cargoCounts),
  await run(
    ['cargo', 'test', '--package', 'millrace-core', '--release', '--no-fail-fast', '--test', 'loom_*'],
    cargoCounts,
    {
      RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} --cfg loom`,
      // Other flags and a lighter profile would make cargo rebuild everything each time it comes back.
      CARGO_TARGET_DIR: 'target/loom',
      CARGO_PROFILE_RELEASE_LTO: 'off',
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
    },
  ),
  await run([process.execPath, 'build/scripts/instructions.js'], (output) =>
    ownCounts('instructions', output),
  ),
  await run([process.execPath, 'build/scripts/fuzz.js'], (output) => ownCounts('fuzz', output)),
  await run([process.execPath, 'build/scripts/memory.js'], (output) => ownCounts('memory', output)),
  await run([process.execPath, 'build/scripts/supply-chain.js'], (output) =>
    ownCounts('supply chain', output),
  ),
  await run(['node_modules/.bin/ava'], avaCounts),
  await run([process.execPath, 'build/scripts/matrix.js', '--ci'], (output) => ownCounts('matrix', output)),
  await run([process.execPath, 'build/__test__/soak/main.js', '--minutes', '1'], (output) =>
    ownCounts('soak', output),
  ),
]
const passed = runs.reduce((sum, counts) => sum + counts.passed, 0)
const failed = runs.reduce((sum, counts) => sum + counts.failed, 0)
// The first runner's failures are thousands of lines above.
if (failures.length > 0) console.log(['', AGAIN, ...failures].join('\n'))
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** Runs one test runner, with its output passed on. One that fails without a failed test, or runs no test, counts as one failure. */
async function run(
  [command = '', ...args]: string[],
  count: (output: string) => Counts,
  env: Record<string, string> = {},
): Promise<Counts> {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    process.stdout.write(text)
  })
  const [status] = await once(child, 'close')
  const counts = count(output)
  if (counts.failed === 0 && status === 0 && (counts.passed > 0 || counts.skipped)) return counts
  const line = [command, ...args].join(' ')
  failures.push('', `${line}: exit code ${status}`, failuresIn(output), '')
  if (counts.failed === 0) console.log(`${line}: exit code ${status}, ${counts.passed} passed, none failed`)
  return { ...counts, failed: Math.max(1, counts.failed) }
}

function cargoCounts(output: string): Counts {
  const counts = { passed: 0, failed: 0 }
  for (const [, passed, failed] of output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed;/gm)) {
    counts.passed += Number(passed)
    counts.failed += Number(failed)
  }
  return counts
}

/** Of a script of ours, which ends with its name and counts, or says why it did not run. */
function ownCounts(name: string, output: string): Counts {
  const [, passed = 0, failed = 0] =
    new RegExp(`^${name}: (\\d+) passed, (\\d+) failed$`, 'm').exec(output) ?? []
  return {
    passed: Number(passed),
    failed: Number(failed),
    skipped: new RegExp(`^${name}: not `, 'm').test(output),
  }
}
