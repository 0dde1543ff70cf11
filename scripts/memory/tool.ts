/** The contract between `npm run memory` and what it runs. */
import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Tests whose thousands of systems take longer under valgrind and ThreadSanitizer than their watchdog waits. */
export const TOO_LONG = 'system_model'

/** What sees more than a test does. */
export interface Tool {
  name: string
  /** Whether it is part of the short selection. */
  inEachRun: boolean
  /** Why it can't be used here; undefined where it can. */
  missing(): string | undefined
  /** Builds what is run. */
  trials(long: boolean): Promise<Trial[]>
}

export interface Trial {
  what: string
  run(): Promise<Outcome>
}

/** How many tests passed and failed; one that made the tool complain failed, too. */
export interface Outcome {
  passed: number
  failed: number
  output: string
}

/** Runs a test program of Rust's under a tool, which makes it fail where it has something to say. */
export async function runTests(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const { code, output } = await run(command, args, env)
  const [, passed = 0, failed = 0] = /^test result: .*? (\d+) passed; (\d+) failed;/m.exec(output) ?? []
  const outcome = { passed: Number(passed), failed: Number(failed), output }
  // One that runs no test, or whose tests pass while the tool complains, is one failure.
  if (outcome.failed === 0 && (code !== 0 || outcome.passed === 0)) outcome.failed = 1
  return outcome
}

/** Runs a program to its end; its output is both of its streams. */
export function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env }, maxBuffer: 2 ** 28 }
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ code: child.exitCode, output: `${stdout}${stderr}${child.exitCode === null ? error : ''}` })
    })
  })
}

/** Why `valgrind` can't be used. */
export function valgrindMissing(): string | undefined {
  const { error, status } = spawnSync('valgrind', ['--version'])
  return error || status !== 0 ? 'valgrind is missing (Debian: apt-get install valgrind)' : undefined
}

/** The test programs of the core by name, `unit` being those inside it, built as the environment says. */
export function testPrograms(args: readonly string[], env: Record<string, string> = {}): Map<string, string> {
  const { status, stdout } = spawnSync('cargo', ['test', ...args, '--no-run', '--message-format=json'], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (status !== 0) throw new Error(`expected cargo test ${args.join(' ')} to build, got exit code ${status}`)
  const programs = new Map<string, string>()
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue
    const { executable, target, package_id } = JSON.parse(line)
    if (!executable || !package_id.includes('/native/core')) continue
    if (!target.name.startsWith('loom_'))
      programs.set(target.kind[0] === 'test' ? target.name : 'unit', executable)
  }
  return programs
}
