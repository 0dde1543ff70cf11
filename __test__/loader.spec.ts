import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { temporaryFolder } from './helpers/temporary-folder.js'

const run = promisify(execFile)
const platform = 'linux-x64-gnu'
const builtSources = fileURLToPath(new URL('../src', import.meta.url))
const builtBinary = fileURLToPath(new URL(`../millrace.${platform}.node`, import.meta.url))

/** Installs millrace as a user would have it, with `binary` in the platform's package, or without that package. */
async function install(t: ExecutionContext, binary?: Buffer) {
  const folder = await temporaryFolder(t)
  await cp(builtSources, join(folder, 'dist'), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  const packageFolder = join(folder, 'node_modules/@millrace', platform)
  if (binary) {
    await mkdir(packageFolder, { recursive: true })
    await writeFile(join(packageFolder, 'package.json'), '{ "main": "millrace.node" }')
    await writeFile(join(packageFolder, 'millrace.node'), binary)
  }
  return { folder, binaryPath: join(packageFolder, 'millrace.node') }
}

/** Imports the loader in a process of its own, and gives the error as that process sees it, or undefined. */
async function load(folder: string, env: NodeJS.ProcessEnv = {}) {
  const program = `
    const seen = (error) => ({ name: error.name, code: error.code, message: error.message, cause: error.cause?.code })
    import('./dist/native.js').then(() => undefined, seen).then((error) => console.log(JSON.stringify({ error })))
  `
  const options = { cwd: folder, env: { ...process.env, ...env } }
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], options)
  return JSON.parse(stdout).error
}

test('a missing package: one error names the platform, the package and the cause', async (t) => {
  const { folder } = await install(t)
  t.deepEqual(await load(folder), {
    name: 'NativeBindingError',
    code: 'ERR_MILLRACE_NATIVE_BINDING',
    message: `expected the native binding for ${platform} in @millrace/${platform}, but it did not load: Cannot find module '@millrace/${platform}'`,
    cause: 'MODULE_NOT_FOUND',
  })
})

test('a file that is no binary: the error has the message of dlopen', async (t) => {
  const { folder, binaryPath } = await install(t, Buffer.from('no binary'))
  t.deepEqual(await load(folder), {
    name: 'NativeBindingError',
    code: 'ERR_MILLRACE_NATIVE_BINDING',
    message: `expected the native binding for ${platform} in @millrace/${platform}, but it did not load: ${binaryPath}: file too short`,
    cause: 'ERR_DLOPEN_FAILED',
  })
})

test('a glibc that is too old: the error has the version that the binary needs', async (t) => {
  const binary = await readFile(builtBinary)
  binary.write('GLIBC_2.99', binary.toString('latin1').search(/GLIBC_2\.\d\d/))
  const { folder } = await install(t, binary)
  const error = await load(folder)
  t.is(error.code, 'ERR_MILLRACE_NATIVE_BINDING')
  t.regex(
    error.message,
    /in @millrace\/linux-x64-gnu, but it did not load: .*version `GLIBC_2\.99' not found/,
  )
})

test('a package with a binary that loads', async (t) => {
  const { folder } = await install(t, await readFile(builtBinary))
  t.is(await load(folder), undefined)
})

test('MILLRACE_NATIVE_PATH replaces every other place', async (t) => {
  const { folder } = await install(t)
  t.is(await load(folder, { MILLRACE_NATIVE_PATH: builtBinary }), undefined)
  const error = await load(folder, { MILLRACE_NATIVE_PATH: '/nowhere/millrace.node' })
  t.is(
    error.message,
    `expected the native binding for ${platform} in /nowhere/millrace.node, but it did not load: Cannot find module '/nowhere/millrace.node'`,
  )
})
