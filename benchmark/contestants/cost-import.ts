/** `PACKAGE EXPORT`: prints how many ms the import of a package takes, and fails if it doesn't have that export. */
const [, , name = '', exported = ''] = process.argv
const start = performance.now()
const module = (await import(name)) as Record<string, unknown>
const took = performance.now() - start
if (typeof module[exported] !== 'function')
  throw new Error(`expected ${exported} in ${name}, got ${Object.keys(module)}`)
console.log(took)

export {}
