import { PassThrough } from 'node:stream'
import type { WriteStream } from 'node:tty'
import test from 'ava'
import { LiveProgress } from '../src/cli/live.js'
import { PlainProgress } from '../src/cli/plain.js'
import { progressOn } from '../src/cli/progress.js'
import { statsLike } from './helpers/stats.js'

/** A terminal of 80 by 24 that keeps what was written to it. */
function terminal(colours: boolean): { stream: WriteStream; written: () => string } {
  const stream = Object.assign(new PassThrough(), {
    isTTY: true,
    columns: 80,
    rows: 24,
    hasColors: () => colours,
  })
  return { stream: stream as unknown as WriteStream, written: () => String(stream.read() ?? '') }
}

test('the live block is drawn, and lines that stay go above it', (t) => {
  const { stream, written } = terminal(false)
  const progress = new LiveProgress(stream, 10_000)
  progress.update(statsLike())
  t.regex(written(), /queue .*rate .*producers .*consumers .*time {7}3\.2 s of 10\.0 s\n/s)
  progress.note('millrace: a: ENOENT')
  const noted = written()
  t.true(noted.indexOf('millrace: a: ENOENT\n') < noted.indexOf('queue'))
  progress.update(statsLike({ elapsed: 4_000 }))
  const redrawn = written()
  t.regex(redrawn, /4\.0 s of 10\.0 s/)
  t.notRegex(redrawn, /queue/)
  progress.close()
})

test('there is colour only where the terminal has some', (t) => {
  for (const colours of [false, true]) {
    const { stream, written } = terminal(colours)
    const progress = new LiveProgress(stream, undefined)
    progress.update(statsLike())
    t.is(written().includes('\x1b[36m'), colours)
    progress.close()
  }
})

test('where stderr is no terminal there are plain lines', (t) => {
  t.true(progressOn(new PassThrough() as unknown as WriteStream, undefined) instanceof PlainProgress)
  t.true(progressOn(terminal(false).stream, undefined) instanceof LiveProgress)
  for (const size of [{ columns: 0 }, { rows: 0 }, { columns: undefined, rows: undefined }]) {
    const stream = Object.assign(terminal(false).stream, size)
    t.true(progressOn(stream as WriteStream, undefined) instanceof PlainProgress)
  }
})
