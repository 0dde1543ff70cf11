/**
 * `npm run supply-chain [-- --advisories]`: cargo-deny on what Cargo.lock names, as deny.toml says. `--advisories`: also
 * what is known against those versions, and npm's audit; both ask the network. What the lock files hold is looked at by
 * __test__/supply-chain.spec.ts.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Where .ci/run puts it. */
const installed = join(root, 'target/tools/bin/cargo-deny')
const cargoDeny = existsSync(installed) ? installed : 'cargo-deny'
const counts = { passed: 0, failed: 0 }

const { error, status } = spawnSync(cargoDeny, ['--version'])
if (error || status !== 0) {
  console.log('supply chain: not checked by cargo-deny: it is missing (cargo install --locked cargo-deny)')
} else {
  for (const check of ['bans', 'licenses', 'sources']) run(cargoDeny, '--offline', 'check', check)
}
if (process.argv.includes('--advisories')) {
  run(cargoDeny, 'check', 'advisories')
  run('npm', 'audit')
}
console.log(`supply chain: ${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed === 0 ? 0 : 1

function run(command: string, ...args: string[]): void {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (!error && status === 0) {
    counts.passed++
    return
  }
  counts.failed++
  console.log(
    `${command} ${args.join(' ')}: ${error ?? `exit code ${status}`}\n${stdout ?? ''}${stderr ?? ''}`,
  )
}
