/** The commands, flags and help of the `millrace` program. */

import { createRequire } from 'node:module'
import { Command, CommanderError, Option } from 'commander'
import { DEFAULTS, interpret, type RunFlags, type RunOptions } from './options.js'
import { parseDuration, parseNumber, parseSpan } from './quantities.js'
import { UsageError } from './usage-error.js'

const EXAMPLES = `
Examples:
  $ millrace run
      10 producers and 5 consumers for 10 seconds, then a graceful stop.
  $ millrace run --consumers 20 --duration 3 --json
      The same with more consumers for 3 seconds; the statistics as JSON.
  $ millrace run --files . --glob '*.ts' --hash sha256
      The checksum of every TypeScript file below this folder, as sha256sum prints it.
  $ millrace run --lines access.log --handler ./parse.mjs > parsed.ndjson
      Calls the default export of parse.mjs with each line; its results as one JSON value a line.
  $ millrace run --lines *.csv --json
      Counts the lines of some files, and shows how fast they were read.
`

const NOTES = `
Output:
  Data goes to stdout, progress and problems to stderr. The data are the results of --hash or
  --handler, or else the report at the end; with --json they are the statistics and nothing else.

Signals:
  Ctrl-C or SIGTERM stops the producers and drains; a second one aborts and says what was left.

Exit code:
  0 done · 1 items failed · 2 bad usage · 130 interrupted (143 by SIGTERM)
`

/**
 * Reads the command line and runs what it asks for; help and version go to stdout.
 *
 * @throws {UsageError} when the command line is not one that can be run.
 */
export async function runCommandLine(
  args: readonly string[],
  run: (options: RunOptions) => Promise<void>,
): Promise<void> {
  const program = new Command('millrace')
    .description('A bounded channel that crosses threads, and producers and consumers on its two ends.')
    .version(createRequire(import.meta.url)('millrace/package.json').version)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
  defineRun(program.command('run'), run)
  try {
    await program.parseAsync(withDefaultCommand(args), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw new UsageError(sentence(error.message))
  }
}

/** `run` is what is meant where no command is named. */
function withDefaultCommand(args: readonly string[]): string[] {
  const [first] = args
  const named = first !== undefined && (!first.startsWith('-') || first === '--version' || first === '-V')
  return named ? [...args] : ['run', ...args]
}

function defineRun(command: Command, run: (options: RunOptions) => Promise<void>): void {
  const [producers, consumers] = [DEFAULTS.producers, DEFAULTS.consumers]
  command
    .description(
      'Runs producers and consumers on one bounded channel and reports what they did.\n' +
        'Without options: the classic exercise, whose producers make an item and sleep,\n' +
        'and whose consumers take some time for each.',
    )
    .optionsGroup('Size:')
    .option(
      '--producers <n>',
      `threads that produce\n(default: ${producers}; --lines, --files: cores)`,
      parseNumber,
    )
    .option(
      '--consumers <n>',
      `threads that consume, or pending handler calls\n(default: ${consumers}; --lines, --files: cores)`,
      parseNumber,
    )
    .option(
      '--capacity <n>',
      `the most items that can be queued (default: ${DEFAULTS.capacity})`,
      parseNumber,
    )
    .optionsGroup('Where items come from (default: the exercise):')
    .option(
      '--duration <time>',
      'how long to produce: seconds, or 500ms, 2m\n(default: 10; with --limit: no end)',
      parseDuration,
    )
    .option('--delay <time>', 'sleep after each item: ms, or min-max (default: 1-10)', parseSpan)
    .option('--limit <n>', 'how many items to make (default: no limit)', parseNumber)
    .option('--lines <file...>', 'the lines of files, not the exercise')
    .option('--files <dir>', 'the paths of all files below a folder, likewise')
    .option('--glob <pattern...>', 'with --files: only paths that match one of these')
    .option('--no-hidden', 'with --files: leave out names that begin with a dot')
    .addOption(new Option('--hidden', 'with --files: keep them (the default)').hideHelp())
    .option('--ignore', 'with --files: leave out what .gitignore files name')
    .optionsGroup('What is done with each (default: --work 5-20; --lines, --files: nothing):')
    .option('--work <time>', 'take that long: ms, or min-max', parseSpan)
    .option('--hash <algorithm>', 'hash it, or the content of the file it names:\nsha256, blake3 or xxh3')
    .option('--handler <file>', 'call the default export of a module with it:\n(item, ctx) => result')
    .optionsGroup('Output:')
    .option('--json', 'the statistics as one JSON object, and nothing else')
    .option('--quiet', 'no progress and no report on stderr, only problems')
    .addHelpOption(new Option('-h, --help', 'show this').helpGroup('Output:'))
    .addHelpText('after', EXAMPLES + NOTES)
    .action((_, command: Command) => run(interpret(flagsOf(command))))
}

/** The flags that were given: commander presets the ones that have a `--no-` form. */
function flagsOf(command: Command): RunFlags {
  const given = Object.entries(command.opts()).filter(
    ([name]) => command.getOptionValueSource(name) === 'cli',
  )
  return Object.fromEntries(given)
}

/** Commander's `error: …` of one or two lines as one of ours. */
function sentence(message: string): string {
  return message.replace(/^error: /, '').replaceAll('\n', ' ')
}
