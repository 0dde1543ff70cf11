import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Binding } from './binding.js'
import { NativeBindingError } from './errors.js'

/** Bundlers that make CommonJS of this leave no address of it. */
const BUNDLED = 'expected to be loaded from its package, got a bundle: bundlers are to keep millrace external'

/**
 * The native binding, loaded with this module: from the path in `MILLRACE_NATIVE_PATH` if that is set, else from
 * the repository's own build if this is one, else from the package `@millrace/<platform>`.
 * Importing throws `NativeBindingError` if that one place has no binary that loads.
 */
export const binding: Binding = load()

function load(): Binding {
  if (!import.meta.url) throw new NativeBindingError(BUNDLED)
  const platform = platformName()
  const built = fileURLToPath(new URL(`../millrace.${platform}.node`, import.meta.url))
  const place = process.env.MILLRACE_NATIVE_PATH ?? (existsSync(built) ? built : `@millrace/${platform}`)
  try {
    return createRequire(import.meta.url)(place) as Binding
  } catch (cause) {
    // The first line is the reason, also a dlopen failure's; a missing package adds its require stack below.
    const [reason] = String(cause instanceof Error ? cause.message : cause).split('\n')
    throw new NativeBindingError(
      `expected the native binding for ${platform} in ${place}, but it did not load: ${reason}`,
      { cause },
    )
  }
}

function platformName(): string {
  const { platform, arch } = process
  if (platform === 'linux') return `linux-${arch}-${usesMusl() ? 'musl' : 'gnu'}`
  if (platform === 'win32') return `win32-${arch}-msvc`
  return `${platform}-${arch}`
}

// process.report tells it too, but takes 6 ms a thread and waits for every worker that is inside native code.
function usesMusl(): boolean {
  try {
    return readFileSync('/proc/self/maps', 'utf8').includes('/ld-musl-')
  } catch {
    return false
  }
}
