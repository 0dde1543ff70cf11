/** Where and with what a benchmark was run. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'

export interface Machine {
  machine: { cpu: string; cores: number; memoryGiB: number; platform: string }
  versions: Record<string, string>
  commit: string
}

/** The peers that are npm packages. */
const PACKAGES = ['async', 'fastq', 'p-queue', 'piscina', 'poolifier', 'tinypool', 'workerpool']

export function machine(root: string): Machine {
  const [cpu] = cpus()
  return {
    machine: {
      cpu: cpu?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${process.platform}-${process.arch}`,
    },
    versions: {
      node: process.version,
      rustc: output(root, 'rustc', '--version'),
      'crossbeam-channel': crateVersion(root, 'crossbeam-channel'),
      ...Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(root, name)])),
    },
    commit: output(root, 'git', 'describe', '--always', '--dirty'),
  }
}

function output(cwd: string, program: string, ...args: string[]): string {
  const { stdout, status } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}

function packageVersion(root: string, name: string): string {
  const manifest = readFileSync(`${root}node_modules/${name}/package.json`, 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function crateVersion(root: string, name: string): string {
  const lock = readFileSync(`${root}Cargo.lock`, 'utf8')
  return new RegExp(`name = "${name}"\nversion = "([^"]+)"`).exec(lock)?.[1] ?? 'unknown'
}
