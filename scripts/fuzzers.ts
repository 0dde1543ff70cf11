/** Builds and runs the fuzz targets of native/fuzz, with the flags that cargo-fuzz would set: installing that takes longer than both. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const TARGETS = ['frames', 'lines'] as const
export type Target = (typeof TARGETS)[number]

const root = fileURLToPath(new URL('../..', import.meta.url))
const CORPUS = join(root, 'native', 'fuzz', 'corpus')
/** Of its own, because other flags would make cargo rebuild everything each time it comes back. */
const TARGET_FOLDER = join(root, 'target', 'fuzz')

/** As cargo-fuzz 0.13 sets them with `--sanitizer none`: these need no nightly toolchain. */
const FLAGS = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=4',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
  '-Cllvm-args=-sanitizer-coverage-pc-table',
  '-Cllvm-args=-sanitizer-coverage-trace-compares',
  '-Cllvm-args=-simplifycfg-branch-fold-threshold=0',
  ...(process.platform === 'linux' ? ['-Cllvm-args=-sanitizer-coverage-stack-depth'] : []),
  '--cfg fuzzing',
]

/** What is missing to build them, if anything is. */
export function whatIsMissing(): string | undefined {
  const compiler = process.env.CXX ?? 'c++'
  const { error, status } = spawnSync(compiler, ['--version'], { stdio: 'ignore' })
  return error || status !== 0 ? `${compiler} is missing (Debian: apt-get install g++)` : undefined
}

/** Builds all targets, with cargo's output on stderr. */
export async function buildFuzzers(): Promise<void> {
  const host = /^host: (.+)$/m.exec(
    spawnSync('rustc', ['--version', '--verbose'], { encoding: 'utf8' }).stdout,
  )
  const child = spawn(
    'cargo',
    // With a target named, flags reach no build script.
    [
      'build',
      '--release',
      '--locked',
      '--manifest-path',
      'native/fuzz/Cargo.toml',
      '--target',
      host?.[1] ?? '',
    ],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, CARGO_TARGET_DIR: TARGET_FOLDER, RUSTFLAGS: FLAGS.join(' ') },
    },
  )
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`expected the fuzz targets to build, got exit code ${status}`)
}

/** How a fuzzer ended. */
export interface Fuzzed {
  inputs: number
  /** What is wrong, with the input in base64. */
  problem?: { kind: 'crash' | 'hang'; text: string }
}

/**
 * Runs `target` from the corpus that is committed, until `limit` is met or an input fails. What it finds on the way goes to a folder
 * that is removed.
 */
export async function fuzz(
  target: Target,
  { seed, limit, nice = 0 }: { seed: number; limit: { runs: number } | { seconds: number }; nice?: number },
): Promise<Fuzzed> {
  const scratch = mkdtempSync(join(tmpdir(), `millrace-fuzz-${target}-`))
  const child = spawn(
    'nice',
    [
      ...['-n', `${nice}`, executable(target), join(scratch), join(CORPUS, target)],
      // 0 would be one of libFuzzer's own making.
      ...[
        `-seed=${(seed >>> 0) % 2 ** 31 || 1}`,
        '-print_final_stats=1',
        `-artifact_prefix=${scratch}/artifact-`,
      ],
      ...['-timeout=20', '-rss_limit_mb=2048', '-verbosity=0'],
      'runs' in limit ? `-runs=${limit.runs}` : `-max_total_time=${Math.max(1, Math.ceil(limit.seconds))}`,
    ],
    { cwd: scratch, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const output = await text(child.stderr)
  const [status, signal] = await closed
  const inputs = Number(/^stat::number_of_executed_units: (\d+)$/m.exec(output)?.[1] ?? 0)
  const artifact = readdirSync(scratch).find((name) => name.startsWith('artifact-'))
  const bytes = artifact === undefined ? undefined : readFileSync(join(scratch, artifact)).toString('base64')
  rmSync(scratch, { recursive: true })
  if (status === 0 && inputs > 0) return { inputs }
  const input = bytes === undefined ? 'no input was kept' : `the input in base64: ${bytes}`
  return {
    inputs,
    problem: {
      kind: artifact?.startsWith('artifact-timeout') ? 'hang' : 'crash',
      text: `${target} ended with ${signal ?? status}, ${input}\n${output.slice(-4000)}`,
    },
  }
}

function executable(target: Target): string {
  const folder = readdirSync(TARGET_FOLDER)
    .map((name) => join(TARGET_FOLDER, name, 'release', target))
    .find((path) => existsSync(path))
  if (folder === undefined) throw new Error(`expected ${target} in ${TARGET_FOLDER}, got none`)
  return folder
}
