const LAST_LINES = 60

/**
 * The part of a test runner's output that says what failed and why: the failures of each of cargo's test programs, what
 * AVA prints behind its list of tests, or the last 60 lines of anything else.
 */
export function failuresIn(output: string): string {
  const ofCargo = output.match(/^failures:$[\s\S]*?^test result: FAILED.*$/gm)
  if (ofCargo) return ofCargo.join('\n\n')
  const [ofAva] = /^ *─$[\s\S]*/m.exec(output) ?? []
  return (ofAva ?? output.trimEnd().split('\n').slice(-LAST_LINES).join('\n')).trim()
}
