/** valgrind's memcheck on the core's tests: no invalid access, nothing definitely lost. */
import { runTests, TOO_LONG, type Tool, testPrograms, valgrindMissing } from './tool.js'

export const MEMCHECK = [
  ...['--quiet', '--error-exitcode=99', '--num-callers=30'],
  ...['--leak-check=full', '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite'],
  // Without it, a thread that spins for another may spin through many of its turns.
  '--fair-sched=yes',
]

/** What each run checks: all `unsafe` code of the core, and everything that ends with items, leases and waits left. */
const SELECTION: Record<string, string[]> = {
  unit: ['channel::ahead_tests', 'channel::select_tests', 'items::large'],
  channel_abort: [],
  channel_drops: [],
  channel_leases: [],
  system_workers: [],
}

/** Tests with an upper bound on time, which twenty to fifty times the time breaks, or which take an hour then. */
const TIMED: Record<string, string[]> = {
  unit: [
    'channel::delayed_tests::a_lease_given_back_for_later_comes_when_it_is_due_and_others_before',
    'channel::delayed_tests::what_is_due_comes_in_the_order_of_the_times_to_threads_that_sleep',
    'channel::delayed_tests::while_as_many_wait_as_fit_only_the_due_are_taken',
    'channel::schedule_tests::random_programs_do_as_a_plain_model_does',
  ],
  channel_keys: ['a_failing_item_keeps_its_key', 'consumers_stay_busy'],
  channel_rate: ['a_limited_item_is_no_attempt'],
  channel_lanes: ['the_lowest_lane_advances_under_a_flood_of_the_highest'],
}

export const memcheck: Tool = {
  name: 'memcheck',
  inEachRun: true,
  missing: valgrindMissing,
  async trials(long) {
    // The whole workspace: that is how the tests were built before.
    const programs = [...testPrograms(['--workspace'])]
    return programs
      .filter(([name]) => (long ? name !== TOO_LONG : name in SELECTION))
      .map(([name, program]) => {
        const skipped = (TIMED[name] ?? []).flatMap((test) => ['--skip', test])
        const which = long ? skipped : (SELECTION[name] ?? [])
        return {
          what: name,
          run: () => runTests('valgrind', [...MEMCHECK, program, '--test-threads=1', ...which]),
        }
      })
  },
}
