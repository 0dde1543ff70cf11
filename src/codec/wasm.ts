/** Compiled WebAssembly modules, which the serializer leaves out without a word: what is written can't be read. */

interface ModuleClass {
  new (...args: never[]): object
  imports(module: object): unknown
}

// Node's types have no WebAssembly, and Node itself has none with `--jitless`.
const Module = (globalThis as { WebAssembly?: { Module: ModuleClass } }).WebAssembly?.Module

/** @throws {TypeError} for a module */
export function refuseWasmModule(value: unknown): void {
  if (Module && value instanceof Module && isModule(value)) {
    throw new TypeError('a WebAssembly.Module can only be posted')
  }
}

/** Whether it is one, and not merely has its prototype. */
function isModule(value: object): boolean {
  try {
    Module?.imports(value)
    return true
  } catch {
    return false
  }
}
