import { readFile } from 'node:fs/promises'
import test from 'ava'

const root = new URL('../../', import.meta.url)

interface Reference {
  promise: string
  file: string
  titles: string[]
}

/** The bullets below a promise: a file in backquotes, a colon, then titles of tests in it, in backquotes or quotes. */
function references(guarantees: string): Reference[] {
  const all: Reference[] = []
  let promise = ''
  for (const line of guarantees.split('\n')) {
    promise = /^### (.*)/.exec(line)?.[1] ?? promise
    const [, file, rest] = /^- `([^`]+\.(?:ts|rs))`: (.*)$/.exec(line) ?? []
    if (!file || !rest) continue
    const titles = [...rest.matchAll(/`([^`]+)`|"([^"]+)"/g)].map(([, name, title]) => name ?? title ?? '')
    all.push({ promise, file, titles })
  }
  return all
}

/** The titles of the tests in a file, or the names of functions where it is Rust. */
function testsIn(file: string, source: string): string[] {
  if (file.endsWith('.rs')) {
    // Some are called by a test for each kind of batch; those that nothing calls are warnings, which fail the lint.
    return [...source.matchAll(/^ *(?:pub )?fn (\w+)/gm)].map(([, name]) => name ?? '')
  }
  return [
    ...source.matchAll(/\b(?:test(?:\.serial)?\(|promises\(\s*'[^']*',)\s*(['"`])((?:\\.|(?!\1).)*)\1/g),
  ].map(([, , title]) => title ?? '')
}

test('each promise of docs/guarantees.md is followed by tests, and each of them exists', async (t) => {
  const guarantees = await readFile(new URL('docs/guarantees.md', root), 'utf8')
  const all = references(guarantees)
  const promises = [...guarantees.matchAll(/^### (.*)/gm)].map(([, promise]) => promise)
  t.deepEqual([...new Set(all.map(({ promise }) => promise))], promises, 'each promise has tests')
  for (const { promise, file, titles } of all) {
    const tests = testsIn(file, await readFile(new URL(file, root), 'utf8'))
    t.true(titles.length > 0, `${promise}: ${file} without a title`)
    for (const title of titles) {
      const found = file.endsWith('.rs')
        ? tests.includes(title)
        : tests.some((candidate) => candidate.includes(title))
      t.true(found, `${promise}: ${file} has no test “${title}”`)
    }
  }
})
