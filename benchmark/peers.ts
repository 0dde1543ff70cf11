/** The peers in other languages: each is built once, before its first run, by what its language comes with. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MissingToolchain, probe } from './toolchain.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Outside of `benchmark`, which is looked through for changes before each build. */
const output = join(root, 'target/benchmark')

/** What runs a peer: a program and its first arguments. */
export type Command = () => readonly [string, ...string[]]

/** The version, and the checksum that stands for it. */
export const disruptor = {
  version: '4.0.0',
  sha256: 'c2ba80841541272bc815bcadab910d2d716aa563eca15762450ab4c889440505',
}

const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'

export const go: Command = once(() => {
  probe('go', 'version')
  const program = join(output, 'hot-path-go')
  build('go', ['build', '-o', program, '.'], 'benchmark/go')
  return [program]
})

/** @param script A file of benchmark/python. */
export function python(script: string): Command {
  return once(() => {
    probe('python3', '--version')
    return ['python3', join(root, 'benchmark/python', script)]
  })
}

export const java: Command = once(() => ['java', '-cp', compileJava('java'), 'HotPath'])

export const javaDisruptor: Command = once(() => {
  const jar = disruptorJar()
  return ['java', '-cp', `${compileJava('java-disruptor', jar)}:${jar}`, 'HotPath']
})

/** Without its jar, everything but the Disruptor, so that the JDK's own queues don't need Maven. */
function compileJava(folder: string, jar?: string): string {
  probe('javac', '-version')
  probe('java', '-version')
  const sources = readdirSync(join(root, 'benchmark/java'))
  const compiled = sources.filter((file) => jar !== undefined || !file.startsWith('Disruptor'))
  const classes = join(output, folder)
  build('javac', ['-d', classes, ...(jar === undefined ? [] : ['-cp', jar]), ...compiled], 'benchmark/java')
  return classes
}

function disruptorJar(): string {
  const jar = join(output, `disruptor-${disruptor.version}.jar`)
  if (!existsSync(jar)) {
    probe('mvn', '--version')
    const artifact = [`-Dartifact=com.lmax:disruptor:${disruptor.version}`, `-DoutputDirectory=${output}`]
    const { status } = spawnSync('mvn', ['-q', '-B', COPY, ...artifact], { stdio: ['ignore', 2, 2] })
    if (status !== 0)
      throw new MissingToolchain(`disruptor.jar: tried mvn ${COPY}, got ${status ?? 'a signal'}`)
  }
  const sha256 = createHash('sha256').update(readFileSync(jar)).digest('hex')
  if (sha256 !== disruptor.sha256)
    throw new Error(`expected ${jar} to have the SHA-256 ${disruptor.sha256}, got ${sha256}`)
  return jar
}

function build(program: string, args: string[], folder: string): void {
  mkdirSync(output, { recursive: true })
  const { error, status } = spawnSync(program, args, { cwd: join(root, folder), stdio: ['ignore', 2, 2] })
  if (error) throw error
  if (status !== 0) throw new Error(`expected ${folder} to build, got exit code ${status}`)
}

/** What failed once is not tried again: it would fail in every round. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | { error: unknown } | undefined
  return () => {
    try {
      made ??= { value: make() }
    } catch (error) {
      made = { error }
    }
    if ('error' in made) throw made.error
    return made.value
  }
}
