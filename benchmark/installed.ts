/** The package as a user gets it: packed, and installed by npm into a folder of its own. */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { copyFile, lstat, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median } from './statistics.js'

const execute = promisify(execFile)
const packScript = fileURLToPath(new URL('../scripts/pack.js', import.meta.url))
const importScript = fileURLToPath(new URL('contestants/cost-import.js', import.meta.url))

let folder: Promise<string> | undefined

/** How many bytes the files in node_modules have, where nothing but our package is installed: all that it depends on, too. */
export async function installedBytes(): Promise<number> {
  folder ??= install()
  return bytesIn(join(await folder, 'node_modules'))
}

/** How many bytes the files in a folder have, and in those below it. */
export async function bytesIn(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isDirectory()) bytes += (await lstat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}

/** The time of our package's import, in ms: the median of so many fresh processes. */
export async function ourImport(processes: number): Promise<number> {
  folder ??= install()
  return importTime(join(await folder, 'import.mjs'), 'millrace', 'ProducerConsumerSystem', processes)
}

/** The same of a package in our own node_modules, which is as its users get it. */
export function theirImport(name: string, exported: string): (processes: number) => Promise<number> {
  return (processes) => importTime(importScript, name, exported, processes)
}

async function importTime(
  script: string,
  name: string,
  exported: string,
  processes: number,
): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < processes; n++) {
    const { stdout } = await execute(process.execPath, [script, name, exported])
    times.push(Number(stdout))
  }
  return median(times)
}

async function install(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-installed-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  const tarballs = (await execute(process.execPath, [packScript, folder])).stdout.trim().split('\n')
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await execute('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], {
    cwd: folder,
  })
  await copyFile(importScript, join(folder, 'import.mjs'))
  return folder
}
