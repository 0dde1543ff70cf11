/** How many tests passed and failed, as AVA prints it. */

export interface Counts {
  passed: number
  failed: number
}

// AVA's summary has the number of passed tests only where none failed, so these are counted line by line.
export function avaCounts(output: string): Counts {
  const failed = /^ *(\d+) tests? failed$/m.exec(output)?.[1] ?? 0
  return { passed: output.match(/^ *[✔√] /gm)?.length ?? 0, failed: Number(failed) }
}
