/** One program in a process of its own, which must end by itself. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** How a program ended. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** That it had not ended in time, and was killed. */
  hung: boolean
  /** ms */
  took: number
}

export interface TrialOptions {
  /** ms after which a program that still runs counts as hung; 60 s by default. */
  timeout?: number
  env?: Record<string, string>
  cwd?: string
  /** Called once it runs, such as to send it a signal. */
  started?: (child: { pid: number; kill(signal: NodeJS.Signals): boolean }) => void
}

const TIMEOUT = 60_000

/** Runs `command` with `args` to its end, without a shell; output is text. Rejects only where it can't be started. */
export async function trial(
  command: string,
  args: readonly string[],
  { timeout = TIMEOUT, env, cwd, started }: TrialOptions = {},
): Promise<Ended> {
  const start = performance.now()
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  })
  const closed = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  let hung = false
  const watchdog = setTimeout(() => {
    hung = true
    child.kill('SIGKILL')
  }, timeout)
  try {
    if (child.pid !== undefined) started?.({ pid: child.pid, kill: (signal) => child.kill(signal) })
    const [stdout, stderr, ended] = await Promise.all([text(child.stdout), text(child.stderr), closed])
    return { ...ended, stdout, stderr, hung, took: performance.now() - start }
  } finally {
    clearTimeout(watchdog)
  }
}
