/**
 * The line that `sha256sum` prints for a file, as a string of one character a byte (latin1), because a path is bytes
 * in any encoding. A name with a backslash, line feed or carriage return is escaped, and a backslash before the
 * digest says so.
 */
export function checksumLine(path: Uint8Array, digest: string): string {
  const name = Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString('latin1')
  if (!/[\\\n\r]/.test(name)) return `${digest}  ${name}\n`
  return `\\${digest}  ${name.replace(/[\\\n\r]/g, escapeCharacter)}\n`
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n'
  return character === '\r' ? '\\r' : '\\\\'
}
