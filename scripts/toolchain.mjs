import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Exits with one sentence unless this Node is new enough. */
export function checkNode() {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  if (!satisfies(process.versions.node, engines.node)) {
    fail(`millrace needs Node ${engines.node}, and this is Node ${process.versions.node}.`)
  }
}

/** Exits with one sentence unless Rust and Cargo are there and new enough. */
export function checkRust() {
  const msrv = /^rust-version = "(.+)"$/m.exec(
    readFileSync(new URL('../Cargo.toml', import.meta.url), 'utf8'),
  )[1]
  for (const tool of ['rustc', 'cargo']) {
    const { error, status, stdout, stderr } = spawnSync(tool, ['--version'], { encoding: 'utf8' })
    const needed = `millrace needs Rust ${msrv} or newer, and`
    if (error?.code === 'ENOENT') fail(`${needed} there is no ${tool} on PATH.`)
    if (error) fail(`${needed} ${tool} could not be run: ${error.message}.`)
    if (status !== 0) fail(`${needed} ${tool} --version failed: ${stderr.trim()}`)
    const version = stdout.split(' ')[1]
    if (!satisfies(version, `>=${msrv}`)) fail(`${needed} ${tool} here is ${version}.`)
  }
}

// Only the forms that our own package.json and Cargo.toml use: `^major.minor`, `>=major.minor`, `a || b`.
function satisfies(version, range) {
  const [major, minor] = version.split('.').map(Number)
  return range.split('||').some((clause) => {
    const [, operator, wantedMajor, wantedMinor] = /(\^|>=)(\d+)\.(\d+)/.exec(clause)
    if (major === Number(wantedMajor)) return minor >= Number(wantedMinor)
    return operator === '>=' && major > Number(wantedMajor)
  })
}

function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}
