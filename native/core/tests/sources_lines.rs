//! `lines`: each line exactly once, whatever the file looks like and however it is shared.

mod collecting;

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use collecting::{Outcome, run, run_all, run_until};
use fastrand::Rng;
use millrace_core::sources::{KeyColumn, Lines, LinesOptions};
use millrace_core::{Batch, Emitter, Encoding, Failure, Halt, Items, Kind, OptionError, Outlet, Source, key_of};
use tempfile::TempDir;

/// What the lines of `content` are, by the plainest means.
fn model(content: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let last = lines.pop().unwrap_or_default();
    for line in &mut lines {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    if !last.is_empty() {
        lines.push(last);
    }
    lines
}

fn file(dir: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).expect("a file in a temporary directory");
    path
}

fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn plan(paths: &[impl AsRef<Path>], options: LinesOptions) -> Lines {
    Lines::new(paths.iter().map(|path| path.as_ref().to_owned()), options).expect("files that can be read")
}

fn small(range: u64, buffer: usize) -> LinesOptions {
    LinesOptions { range, buffer, ..LinesOptions::default() }
}

fn sorted(outcomes: &[Outcome]) -> Vec<Vec<u8>> {
    for outcome in outcomes {
        assert_eq!(outcome.result, Ok(()));
        assert!(outcome.rejected.is_empty());
    }
    let mut lines = outcomes.iter().flat_map(Outcome::texts).collect::<Vec<_>>();
    lines.sort();
    lines
}

#[track_caller]
fn assert_lines(content: &[u8], options: LinesOptions, producers: usize) {
    let dir = dir();
    let plan = plan(&[file(&dir, "content", content)], options);
    let mut expected = model(content);
    if producers == 1 {
        let outcome = run(&mut plan.sources(1)[0], 64);
        assert_eq!(outcome.texts(), expected, "in order");
    }
    expected.sort();
    assert_eq!(sorted(&run_all(plan.sources(producers), 64)), expected);
}

#[test]
fn every_ending_of_a_file_gives_the_same_lines() {
    for content in [
        &b""[..],
        b"\n",
        b"\n\n\n",
        b"a",
        b"a\n",
        b"a\nb",
        b"\na\n\nb\n\n",
        b"a\r\nb\r\n",
        b"a\r\nb\r",
        b"\r\n",
        b"\r",
        b"a\rb\n\r\r\n",
        b"caf\xc3\xa9\n\xff\xfe\n\0\n",
    ] {
        for range in [1, 2, 3, 1000] {
            for producers in [1, 3] {
                assert_lines(content, small(range, 2), producers);
            }
        }
    }
}

#[test]
fn the_model_counts_like_wc() {
    assert_eq!(model(b"a\n\nb\r\n").len(), 3);
    assert_eq!(model(b"a\r\n\nb"), [&b"a"[..], b"", b"b"]);
    assert!(model(b"").is_empty());
}

#[test]
fn range_boundaries_at_newlines_neither_lose_nor_repeat_a_line() {
    // Ranges of 8 begin right at a line, right at a newline, and right behind one.
    for shift in 0..8 {
        let content = [&b"x".repeat(shift)[..], b"\n", &b"seven77\n".repeat(50)].concat();
        for producers in [1, 4] {
            assert_lines(&content, small(8, 16), producers);
        }
    }
}

#[test]
fn one_giant_line_spans_many_ranges() {
    let mut content = b"before\n".to_vec();
    content.extend(std::iter::repeat_n(b'x', 3 << 20));
    content.extend_from_slice(b"\nafter\n");
    for producers in [1, 4] {
        assert_lines(&content, small(64 << 10, 16 << 10), producers);
    }
    content.truncate(content.len() - 7);
    assert_lines(&content, small(64 << 10, 16 << 10), 4);
}

#[test]
fn random_content_is_split_like_the_model_says() {
    for _ in 0..150 {
        let seed = fastrand::u64(..);
        let mut random = Rng::with_seed(seed);
        let content = random_content(&mut random);
        let options = small(random.u64(1..200), random.usize(1..300));
        let producers = random.usize(1..=8);
        let dir = dir();
        let plan = plan(&[file(&dir, "content", &content)], options);
        let mut expected = model(&content);
        expected.sort();
        assert_eq!(sorted(&run_all(plan.sources(producers), random.usize(1..70))), expected, "seed {seed}");
    }
}

fn random_content(random: &mut Rng) -> Vec<u8> {
    let mut content = Vec::new();
    for _ in 0..random.usize(..100) {
        let length = if random.u8(..10) == 0 { random.usize(..600) } else { random.usize(..12) };
        content.extend((0..length).map(|_| random.alphanumeric() as u8));
        content.extend_from_slice(random.choice([&b"\n"[..], b"\r\n", b"\n\n", b"\r"]).expect("an ending"));
    }
    if random.bool() {
        content.extend_from_slice(b"no newline");
    }
    content
}

#[test]
fn many_tiny_files_give_all_their_lines() {
    let dir = dir();
    let contents = (0..300).map(|n| match n % 3 {
        0 => format!("only {n}"),
        1 => String::new(),
        _ => format!("first {n}\nsecond {n}\n"),
    });
    let mut expected = Vec::new();
    let mut paths = Vec::new();
    for (n, content) in contents.enumerate() {
        expected.extend(model(content.as_bytes()));
        paths.push(file(&dir, &n.to_string(), content.as_bytes()));
    }
    expected.sort();
    assert_eq!(sorted(&run_all(plan(&paths, LinesOptions::default()).sources(4), 64)), expected);
}

#[test]
fn a_plan_can_be_used_again() {
    let dir = dir();
    let plan = plan(&[file(&dir, "content", b"a\nb\n")], LinesOptions::default());
    for _ in 0..2 {
        assert_eq!(sorted(&run_all(plan.sources(3), 64)), [b"a", b"b"]);
    }
}

#[test]
fn the_encoding_decides_the_kind() {
    let dir = dir();
    for (encoding, kind) in [(Encoding::Utf8, Kind::Text), (Encoding::Buffer, Kind::Bytes)] {
        let options = LinesOptions { encoding, ..LinesOptions::default() };
        let outcome = run(&mut plan(&[file(&dir, "content", b"a\n")], options).sources(1)[0], 64);
        assert_eq!(outcome.batches[0].kind(0), kind);
    }
}

#[test]
fn a_column_is_the_key_of_its_line() {
    let content = b"a;1;x\nb;1\nc;22;\r\nd\n;1\n;;\ne;2\r\n2;22";
    let dir = dir();
    let keys = |index, options: LinesOptions| {
        let key = Some(KeyColumn { index, delimiter: b';' });
        let plan = plan(&[file(&dir, "content", content)], LinesOptions { key, ..options });
        let outcome = run(&mut plan.sources(1)[0], 3);
        let batches = outcome.batches.iter();
        batches.flat_map(|batch| (0..batch.len()).map(|index| batch.key(index)).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let of = |names: &[Option<&str>]| {
        names.iter().map(|name| name.map_or(0, |name| key_of(name.as_bytes()))).collect::<Vec<_>>()
    };
    for options in [LinesOptions::default(), small(3, 1), small(7, 4)] {
        let first = ["a", "b", "c", "d", "", "", "e", "2"].map(Some);
        assert_eq!(keys(0, options), of(&first));
        let second = [Some("1"), Some("1"), Some("22"), None, Some("1"), Some(""), Some("2"), Some("22")];
        assert_eq!(keys(1, options), of(&second));
        assert_eq!(keys(2, options), of(&[Some("x"), None, Some(""), None, None, Some(""), None, None]));
        assert_eq!(keys(3, options), of(&[None; 8]));
    }
}

#[test]
fn long_lines_travel_in_light_batches() {
    let dir = dir();
    let content = [&b"x".repeat(100_000)[..], b"\n"].concat().repeat(50);
    let outcome = run(&mut plan(&[file(&dir, "content", &content)], LinesOptions::default()).sources(1)[0], 1000);
    assert_eq!(outcome.texts().len(), 50);
    assert!(outcome.batches.iter().all(|batch| batch.byte_len() < 400_000));
}

#[test]
fn a_stop_ends_a_large_file() {
    let dir = dir();
    let path = file(&dir, "content", &b"line\n".repeat(1 << 20));
    let stop = AtomicBool::new(false);
    let mut sent = 0;
    let outcome = run_until(&mut plan(&[path], LinesOptions::default()).sources(1)[0], 64, &stop, |_| {
        sent += 1;
        stop.store(sent == 3, Ordering::SeqCst);
    });
    assert_eq!(outcome.result, Err(Halt::Stopped));
    assert_eq!(sent, 3);
}

fn failure(outcome: Outcome) -> Failure {
    match outcome.result {
        Err(Halt::Failed(failure)) => failure,
        other => panic!("a failure, and not {other:?}"),
    }
}

#[test]
fn a_file_cut_short_while_it_is_read_is_a_failure() {
    let dir = dir();
    let path = file(&dir, "content", &b"line\n".repeat(1 << 20));
    let mut cut = false;
    let stop = AtomicBool::new(false);
    let outcome = run_until(&mut plan(&[&path], LinesOptions::default()).sources(1)[0], 64, &stop, |_| {
        if !std::mem::replace(&mut cut, true) {
            OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(1000)).expect("a file to cut");
        }
    });
    let failure = failure(outcome);
    assert_eq!(failure.code, "ERR_MILLRACE_FILE_CHANGED");
    assert!(failure.message.contains("expected 5242880 bytes as at first, got 1000"), "{failure}");
}

#[test]
fn a_file_replaced_by_another_is_a_failure() {
    let dir = dir();
    let path = file(&dir, "content", b"line\n");
    let plan = plan(&[&path], LinesOptions::default());
    fs::rename(file(&dir, "other", b"else\n"), &path).expect("a rename");
    let failure = failure(run(&mut plan.sources(1)[0], 64));
    assert_eq!(failure.code, "ERR_MILLRACE_FILE_CHANGED");
    assert!(failure.message.contains(&path.display().to_string()), "{failure}");
}

#[test]
fn a_file_gone_before_it_is_read_is_a_failure() {
    let dir = dir();
    let path = file(&dir, "content", b"line\n");
    let plan = plan(&[&path], LinesOptions::default());
    fs::remove_file(&path).expect("a file to remove");
    assert_eq!(failure(run(&mut plan.sources(1)[0], 64)).code, "ENOENT");
}

#[test]
fn what_is_appended_later_is_left_alone() {
    let dir = dir();
    let path = file(&dir, "content", b"one\ntwo\n");
    let plan = plan(&[&path], LinesOptions::default());
    OpenOptions::new().append(true).open(&path).and_then(|mut file| file.write_all(b"three\n")).expect("an append");
    assert_eq!(sorted(&run_all(plan.sources(2), 64)), [b"one", b"two"]);
}

fn fifo(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a FIFO");
    path
}

#[test]
fn a_fifo_is_read_once_its_writer_comes_until_it_goes() {
    let dir = dir();
    let path = fifo(&dir);
    let plan = plan(&[&path], small(4, 8));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| run_all(plan.sources(3), 64));
        let mut writer = File::create(&path).expect("a FIFO to write");
        for line in ["first\n", "sec", "ond\r\n", "no newline"] {
            writer.write_all(line.as_bytes()).expect("a reader");
        }
        drop(writer);
        let outcomes = reader.join().expect("no panic");
        assert_eq!(sorted(&outcomes), [&b"first"[..], b"no newline", b"second"]);
        assert_eq!(outcomes.iter().filter(|outcome| !outcome.batches.is_empty()).count(), 1);
    });
}

#[test]
fn lines_before_a_pause_of_the_writer_are_not_held_back() {
    let dir = dir();
    let path = fifo(&dir);
    let plan = plan(&[&path], LinesOptions::default());
    let (seen, first) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            run_until(&mut plan.sources(1)[0], 64, &AtomicBool::new(false), |_| seen.send(()).expect("a test"))
        });
        let mut writer = File::create(&path).expect("a FIFO to write");
        writer.write_all(b"first\nsecond").expect("a reader");
        // The writer writes on only after the first line has arrived.
        first.recv().expect("the first line");
        writer.write_all(b"\n").expect("a reader");
        drop(writer);
        assert_eq!(reader.join().expect("no panic").texts(), [&b"first"[..], b"second"]);
    });
}

/// Stops at the fourth look, which is in the middle of the wait: nobody writes.
struct StopAtFourthLook(Cell<u32>);

impl Outlet<Items> for StopAtFourthLook {
    fn send(&mut self, batch: Items) -> Result<(), Halt> {
        panic!("nothing to send, and not {batch:?}");
    }
    fn forward(&mut self, batch: Items) -> Result<(), (Halt, Items)> {
        self.send(batch).map_err(|halt| (halt, Items::default()))
    }

    fn reject(&mut self, _: Items, failure: Failure) {
        panic!("{failure}");
    }
    fn stopping(&self) -> bool {
        self.0.set(self.0.get() + 1);
        self.0.get() >= 4
    }
}

#[test]
fn a_stop_ends_the_wait_for_a_writer_that_never_comes() {
    let dir = dir();
    let plan = plan(&[fifo(&dir)], LinesOptions::default());
    let mut outlet = StopAtFourthLook(Cell::new(0));
    let result = plan.sources(1)[0].run(&mut Emitter::new(&mut outlet, 64, 0, 1));
    assert_eq!(result, Err(Halt::Stopped));
    assert_eq!(outlet.0.get(), 4);
}

#[test]
fn files_that_lie_about_their_size_are_read_to_their_end() {
    // One says 0 and has content, the other says 4096 and has a few bytes.
    for path in ["/proc/self/limits", "/sys/kernel/mm/transparent_hugepage/enabled"].map(Path::new) {
        let Ok(content) = fs::read(path) else { continue };
        let outcomes = run_all(plan(&[path.to_owned()], small(1000, 100)).sources(2), 64);
        let mut expected = model(&content);
        expected.sort();
        assert_eq!(sorted(&outcomes), expected, "{}", path.display());
    }
}

fn refused(path: PathBuf) -> OptionError {
    let error = Lines::new([path], LinesOptions::default()).expect_err("a path that can't be read");
    assert_eq!(error.option(), "paths");
    assert_eq!(error.expected(), "files that can be read");
    error
}

#[test]
fn what_is_no_file_is_refused_when_the_plan_is_made() {
    let dir = dir();
    let missing = dir.path().join("missing");
    assert_eq!(
        refused(missing.clone()).got(),
        format!("{}: No such file or directory (os error 2)", missing.display())
    );
    assert_eq!(refused(dir.path().to_owned()).got(), format!("{}: a directory", dir.path().display()));
    let socket = dir.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    assert_eq!(refused(socket.clone()).got(), format!("{}: a socket", socket.display()));
    assert!(refused(PathBuf::new()).got().contains("No such file"));
}

#[test]
fn an_unreadable_file_is_refused_when_the_plan_is_made() {
    use std::os::unix::fs::PermissionsExt;
    // Root may read everything.
    if rustix::process::geteuid().is_root() {
        return;
    }
    let dir = dir();
    let path = file(&dir, "content", b"line\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("own file");
    assert!(refused(path).got().contains("Permission denied"));
}

#[test]
fn absurd_options_are_refused() {
    let dir = dir();
    let path = file(&dir, "content", b"line\n");
    assert_eq!(Lines::new([path.clone()], small(0, 1)).expect_err("a failure").option(), "range");
    for buffer in [0, (1 << 20) + 1] {
        let error = Lines::new([path.clone()], small(1, buffer)).expect_err("a failure");
        assert_eq!(error.to_string(), format!("buffer: expected a number of bytes from 1 to 1048576, got {buffer}"));
    }
    let error = Lines::new([], LinesOptions::default()).expect_err("a failure");
    assert_eq!(error.to_string(), "paths: expected at least one path, got none");
}

#[test]
fn a_line_without_an_end_is_a_failure_and_not_all_memory() {
    let plan = Lines::new([PathBuf::from("/dev/zero")], LinesOptions::default()).expect("it can be read");
    let mut outcomes = run_all(plan.sources(1), 64);
    let outcome = outcomes.pop().expect("one producer");
    assert!(outcome.batches.is_empty());
    let Err(Halt::Failed(failure)) = outcome.result else { panic!("expected a failure, got {:?}", outcome.result) };
    assert_eq!(failure.code, "ERR_MILLRACE_LINE_TOO_LONG");
}
