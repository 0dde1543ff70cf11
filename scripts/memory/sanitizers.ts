/** AddressSanitizer with LeakSanitizer, and ThreadSanitizer, on the core's tests. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root, runTests, TOO_LONG, type Tool, testPrograms } from './tool.js'

/** An allocator that has no memory says so, as others do: there is a test of that. */
const MAY_REFUSE = 'allocator_may_return_null=1'

/** Tests that ThreadSanitizer can't judge: what they count themselves is in locks and scopes of std, which it can't see. */
const UNSEEN: Record<string, string[]> = {
  unit: ['items_that_are_taken_and_not_handed_over_count'],
  channel_bound: ['senders_that_race_fill_it_exactly', 'the_bound_holds_under_load'],
  channel_close: ['a_close_ends_every_receive_that_waits'],
  channel_credit: ['producers_with_credit_never_pass_the_bound'],
  channel_keys: [
    'a_thousand_keys_with_eight_consumers',
    'a_few_keys_of_which_items_fail',
    'consumers_stay_busy',
  ],
  channel_lanes: ['producers_and_receivers_of_every_kind_lose_nothing'],
  channel_overflow: ['many_threads_offer'],
  channel_rate: ['a_second_at_a_thousand_a_second'],
  channel_select: ['many_threads_select', 'selects_among_plain_sends'],
}

/** Also finds what is lost when the program ends. */
export const addresses: Tool = sanitizer({
  name: 'AddressSanitizer',
  flags: ['-Zsanitizer=address'],
  library: 'asan',
  options: { ASAN_OPTIONS: `detect_leaks=1 ${MAY_REFUSE}` },
  judges: () => true,
  skipped: { channel_keys: ['consumers_stay_busy'] }, // as they would at full speed
})

/**
 * helgrind and drd know pthread's primitives alone. Of std's locks, which are futexes, and of atomics they see nothing: five
 * tests of channel_close give some 800 reports each, all of code that is right, and what would suppress them would
 * suppress everything. So this is what looks for races.
 */
export const threads: Tool = sanitizer({
  name: 'ThreadSanitizer',
  flags: ['-Zsanitizer=thread', '--cfg tsan'],
  library: 'tsan',
  options: { TSAN_OPTIONS: `suppressions=${join(root, 'native/core/tsan.supp')} exitcode=99 ${MAY_REFUSE}` },
  judges: (program) => program !== TOO_LONG,
  skipped: UNSEEN,
})

interface Sanitizer {
  name: string
  flags: string[]
  /** The name of its runtime. */
  library: string
  options: Record<string, string>
  judges(program: string): boolean
  skipped: Record<string, string[]>
}

function sanitizer({ name, flags, library, options, judges, skipped }: Sanitizer): Tool {
  const host = (): string => /^host: (.*)$/m.exec(rustc('-vV'))?.[1] ?? ''
  return {
    name,
    inEachRun: false,
    missing() {
      const folder = join(rustc('--print', 'sysroot').trim(), 'lib/rustlib', host(), 'lib')
      const found = ['stable', 'nightly', 'dev'].some((channel) =>
        existsSync(join(folder, `librustc-${channel}_rt.${library}.a`)),
      )
      return found ? undefined : `the toolchain brings no runtime of it (${folder})`
    },
    async trials() {
      const programs = testPrograms(
        [
          '--package',
          'millrace-core',
          '--target',
          host(),
          '--lib',
          '--test',
          'channel_*',
          '--test',
          'system_*',
        ],
        {
          // The flag is unstable, the runtime is the same.
          RUSTC_BOOTSTRAP: '1',
          // std's own code has no checks in it: there are no sources of it to build. That is what the mismatch is.
          RUSTFLAGS: ['-Cunsafe-allow-abi-mismatch=sanitizer', ...flags].join(' '),
          CARGO_TARGET_DIR: `target/${library}`,
          CARGO_PROFILE_DEV_DEBUG: 'line-tables-only',
        },
      )
      return [...programs]
        .filter(([what]) => judges(what))
        .map(([what, program]) => {
          const args = (skipped[what] ?? []).flatMap((test) => ['--skip', test])
          return { what, run: () => runTests(program, args, options) }
        })
    },
  }
}

function rustc(...args: string[]): string {
  return spawnSync('rustc', args, { encoding: 'utf8' }).stdout ?? ''
}
