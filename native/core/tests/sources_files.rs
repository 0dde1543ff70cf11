//! `files`: the regular files that a plain recursion finds, each once, whatever their names are.

mod collecting;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use collecting::{Outcome, run, run_all, run_until, text};
use millrace_core::sources::{Files, FilesOptions};
use millrace_core::{Batch, Encoding, Halt, Kind, OptionError, key_of};
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

/// The regular files below `dir`, by the plainest means.
fn recursion(dir: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("a directory that can be read") {
        let entry = entry.expect("an entry");
        let file_type = entry.file_type().expect("a type");
        if file_type.is_dir() {
            recursion(&entry.path(), found);
        } else if file_type.is_file() {
            found.push(entry.path().into_os_string().into_vec());
        }
    }
}

fn model(root: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    recursion(root, &mut found);
    found.sort();
    found
}

fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Makes empty files, and the directories they need.
fn make(root: &Path, names: &[impl AsRef<OsStr>]) {
    for name in names {
        let path = root.join(Path::new(name));
        fs::create_dir_all(path.parent().expect("a file below the root")).expect("directories");
        fs::write(path, "").expect("a file");
    }
}

fn plan(root: &Path, options: FilesOptions) -> Files {
    Files::new(root, options).expect("a directory that can be read")
}

fn globs(globs: &[&str]) -> FilesOptions {
    FilesOptions { globs: globs.iter().map(ToString::to_string).collect(), ..FilesOptions::default() }
}

fn sorted(outcomes: &[Outcome]) -> Vec<Vec<u8>> {
    for outcome in outcomes {
        assert_eq!(outcome.result, Ok(()));
    }
    let mut paths = outcomes.iter().flat_map(Outcome::texts).collect::<Vec<_>>();
    paths.sort();
    paths
}

/// The paths found, below the root.
fn found(root: &Path, options: FilesOptions) -> Vec<String> {
    let outcomes = run_all(plan(root, options).sources(3), 64);
    assert!(outcomes.iter().all(|outcome| outcome.rejected.is_empty()));
    let below = |path: &Vec<u8>| {
        let path = Path::new(OsStr::from_bytes(path)).strip_prefix(root).expect("a path below the root");
        path.to_str().expect("a name in UTF-8").to_owned()
    };
    sorted(&outcomes).iter().map(below).collect()
}

#[test]
fn finds_what_a_recursion_finds_and_nothing_else() {
    let dir = dir();
    let root = dir.path();
    make(
        root,
        &["a", ".hidden", ".config/x", "sub/.git/config", "sub/deep/er/file", "with space", "new\nline", "tab\t\\"],
    );
    make(root, &[OsStr::from_bytes(b"\xff\xfe not UTF-8"), OsStr::from_bytes(b"sub/\xc3\x28")]);
    fs::create_dir(root.join("empty")).expect("a directory");
    fs::write(root.join(".gitignore"), "*\n").expect("a file");
    symlink("a", root.join("link to a file")).expect("a link");
    symlink("sub", root.join("link to a directory")).expect("a link");
    symlink("..", root.join("sub/loop")).expect("a link");
    symlink("nowhere", root.join("dangling")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo"), Mode::RWXU).expect("a FIFO");
    let expected = model(root);
    assert_eq!(expected.len(), 11);
    for producers in [1, 2, 8] {
        let outcomes = run_all(plan(root, FilesOptions::default()).sources(producers), 64);
        assert_eq!(sorted(&outcomes), expected);
        assert!(outcomes.iter().all(|outcome| outcome.rejected.is_empty()));
    }
}

#[test]
fn more_files_than_the_walk_may_find_ahead_all_come() {
    let dir = dir();
    for directory in 0..10 {
        make(dir.path(), &(0..500).map(|file| format!("{directory}/{file}")).collect::<Vec<_>>());
    }
    let plan = plan(dir.path(), FilesOptions::default());
    for producers in [1, 4] {
        assert_eq!(sorted(&run_all(plan.sources(producers), 7)), model(dir.path()));
    }
}

#[test]
fn paths_begin_with_the_root_as_it_was_written() {
    let dir = dir();
    make(dir.path(), &["a/b"]);
    let root = dir.path().to_str().expect("a path in UTF-8");
    for (written, printed) in [
        (root.to_owned(), format!("{root}/a/b")),
        (format!("{root}/"), format!("{root}/a/b")),
        (format!("{root}/a/../a"), format!("{root}/a/../a/b")),
        (format!("{root}/./a/"), format!("{root}/./a/b")),
    ] {
        let outcomes = run_all(plan(Path::new(&written), globs(&["b", "a/b"])).sources(1), 64);
        assert_eq!(sorted(&outcomes), [printed.as_bytes()], "{written}");
    }
}

#[test]
fn a_root_that_is_a_link_is_followed() {
    let dir = dir();
    make(dir.path(), &["real/file"]);
    let link = dir.path().join("link");
    symlink("real", &link).expect("a link");
    assert_eq!(found(&link, FilesOptions::default()), ["file"]);
}

#[test]
fn an_empty_directory_has_no_files() {
    assert!(found(dir().path(), FilesOptions::default()).is_empty());
}

#[test]
fn globs_pick_by_path_or_by_name() {
    let dir = dir();
    let root = dir.path();
    make(root, &["a.json", "b.txt", "sub/c.json", "sub/deep/d.json", "sub/deep/e.JSON", ".hidden/f.json"]);
    for (patterns, expected) in [
        (&["*.json"][..], &[".hidden/f.json", "a.json", "sub/c.json", "sub/deep/d.json"][..]),
        (&["**/*.json"], &[".hidden/f.json", "a.json", "sub/c.json", "sub/deep/d.json"]),
        (&["sub/*.json"], &["sub/c.json"]),
        (&["sub/**"], &["sub/c.json", "sub/deep/d.json", "sub/deep/e.JSON"]),
        (&["?.txt", "**/deep/*"], &["b.txt", "sub/deep/d.json", "sub/deep/e.JSON"]),
        (&["*.{txt,JSON}"], &["b.txt", "sub/deep/e.JSON"]),
        (&["[ab].*"], &["a.json", "b.txt"]),
        (&["{sub/,}*.json"], &["a.json", "sub/c.json"]),
        (&["nothing"], &[]),
    ] {
        assert_eq!(found(root, globs(patterns)), expected, "{patterns:?}");
    }
}

#[test]
fn a_glob_matches_names_that_are_not_utf8() {
    let dir = dir();
    make(dir.path(), &[OsStr::from_bytes(b"\xff.json")]);
    assert_eq!(sorted(&run_all(plan(dir.path(), globs(&["*.json"])).sources(1), 64)), model(dir.path()));
}

#[test]
fn hidden_files_can_be_left_out() {
    let dir = dir();
    make(dir.path(), &["a", ".b", ".c/d", "e/.f", "e/g"]);
    assert_eq!(found(dir.path(), FilesOptions { hidden: false, ..FilesOptions::default() }), ["a", "e/g"]);
}

#[test]
fn ignore_files_can_be_honoured() {
    let dir = dir();
    make(dir.path(), &["root/keep", "root/log.txt", "root/target/x", "root/sub/only-here", "only-here", "root/.dot"]);
    fs::write(dir.path().join(".gitignore"), "*.txt\n").expect("a file above the root");
    fs::write(dir.path().join("root/.ignore"), "target/\n").expect("a file");
    fs::write(dir.path().join("root/sub/.gitignore"), "only-here\n").expect("a file");
    let options = FilesOptions { ignore: true, ..FilesOptions::default() };
    assert_eq!(found(&dir.path().join("root"), options), [".dot", ".ignore", "keep", "sub/.gitignore"]);
}

#[test]
fn the_encoding_decides_the_kind() {
    let dir = dir();
    make(dir.path(), &["a"]);
    for (encoding, kind) in [(Encoding::Utf8, Kind::Text), (Encoding::Buffer, Kind::Bytes)] {
        let options = FilesOptions { encoding, ..FilesOptions::default() };
        let outcome = run(&mut plan(dir.path(), options).sources(1)[0], 64);
        assert_eq!(outcome.batches[0].kind(0), kind);
    }
}

#[test]
fn a_directory_is_the_key_of_its_files() {
    let dir = dir();
    make(dir.path(), &["x", "y", "a/x", "a/y", "a/b/x", "ab/x"]);
    for encoding in [Encoding::Utf8, Encoding::Buffer] {
        let options = FilesOptions { encoding, key_by_directory: true, ..FilesOptions::default() };
        let mut seen = 0;
        for batch in run_all(plan(dir.path(), options).sources(2), 4).iter().flat_map(|outcome| &outcome.batches) {
            for index in 0..batch.len() {
                let path = PathBuf::from(OsString::from_vec(text(&batch.get(index))));
                let directory = path.parent().expect("a file is in a directory");
                assert_eq!(batch.key(index), key_of(directory.as_os_str().as_bytes()), "{path:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, 6);
    }
}

#[test]
fn a_directory_that_cannot_be_read_is_rejected_and_the_walk_goes_on() {
    let dir = dir();
    make(dir.path(), &["a/x", "locked/y", "z"]);
    let locked = dir.path().join("locked");
    // Root may read everything; the test below does without permissions.
    if rustix::process::geteuid().is_root() {
        return;
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).expect("own directory");
    let outcomes = run_all(plan(dir.path(), FilesOptions::default()).sources(2), 64);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).expect("own directory");
    let paths = ["a/x", "z"].map(|name| dir.path().join(name).into_os_string().into_vec());
    assert_eq!(sorted(&outcomes), paths);
    let rejected = outcomes.into_iter().flat_map(|outcome| outcome.rejected).collect::<Vec<_>>();
    let [(item, failure)] = &rejected[..] else { panic!("one failure, and not {rejected:?}") };
    assert_eq!(text(&item.get(0)), locked.as_os_str().as_bytes());
    assert_eq!(failure.code, "EACCES");
}

/// A chain of directories deeper than any path can name: the walk can't read the first one past that.
#[test]
fn a_directory_whose_path_is_too_long_is_rejected_and_the_walk_goes_on() {
    let dir = dir();
    make(dir.path(), &["a/x", "z"]);
    let name = "d".repeat(250);
    let mut deepest = fs::File::open(dir.path()).map(OwnedFd::from).expect("a directory");
    for _ in 0..20 {
        rustix::fs::mkdirat(&deepest, &*name, Mode::RWXU).expect("a directory");
        deepest = rustix::fs::openat(&deepest, &*name, OFlags::DIRECTORY, Mode::empty()).expect("a directory");
    }
    let outcomes = run_all(plan(dir.path(), FilesOptions::default()).sources(2), 64);
    let paths = ["a/x", "z"].map(|name| dir.path().join(name).into_os_string().into_vec());
    assert_eq!(sorted(&outcomes), paths);
    let rejected = outcomes.into_iter().flat_map(|outcome| outcome.rejected).collect::<Vec<_>>();
    let [(item, failure)] = &rejected[..] else { panic!("one failure, and not {rejected:?}") };
    assert!(text(&item.get(0)).ends_with(name.as_bytes()));
    assert_eq!(failure.code, "ENAMETOOLONG");
}

#[test]
fn a_root_gone_before_the_walk_is_rejected() {
    let dir = dir();
    let root = dir.path().join("root");
    fs::create_dir(&root).expect("a directory");
    let plan = plan(&root, FilesOptions { encoding: Encoding::Buffer, ..FilesOptions::default() });
    fs::remove_dir(&root).expect("an empty directory");
    let outcome = run(&mut plan.sources(1)[0], 64);
    assert_eq!(outcome.result, Ok(()));
    let [(item, failure)] = &outcome.rejected[..] else { panic!("one failure, and not {:?}", outcome.rejected) };
    assert_eq!(text(&item.get(0)), root.as_os_str().as_bytes());
    assert_eq!(item.kind(0), Kind::Bytes);
    assert_eq!(failure.code, "ENOENT");
    assert!(failure.message.contains(&root.display().to_string()), "{failure}");
}

#[test]
fn a_stop_ends_the_walk() {
    let dir = dir();
    for directory in 0..10 {
        make(dir.path(), &(0..300).map(|file| format!("{directory}/{file}")).collect::<Vec<_>>());
    }
    let stop = AtomicBool::new(false);
    let mut sources = plan(dir.path(), FilesOptions::default()).sources(1);
    // More files than may be found ahead: without the stop the walk would wait for ever, and the source for it.
    let outcome = run_until(&mut sources[0], 1, &stop, |_| stop.store(true, Ordering::SeqCst));
    assert_eq!(outcome.result, Err(Halt::Stopped));
    assert!(outcome.batches.is_empty());
}

#[test]
fn other_producers_end_when_the_one_with_the_walk_never_runs() {
    let dir = dir();
    make(dir.path(), &["a"]);
    let mut sources = plan(dir.path(), FilesOptions::default()).sources(2);
    drop(sources.remove(0));
    let outcome = run(&mut sources[0], 64);
    assert_eq!(outcome.result, Ok(()));
    assert!(outcome.batches.is_empty());
}

#[test]
fn a_plan_can_be_used_again() {
    let dir = dir();
    make(dir.path(), &["a", "b/c"]);
    let plan = plan(dir.path(), FilesOptions::default());
    for _ in 0..2 {
        assert_eq!(sorted(&run_all(plan.sources(2), 64)), model(dir.path()));
    }
}

fn refused(root: &Path) -> OptionError {
    let error = Files::new(root, FilesOptions::default()).expect_err("a root that is no directory");
    assert_eq!(error.option(), "root");
    error
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    let dir = dir();
    make(dir.path(), &["file"]);
    let missing = dir.path().join("missing");
    assert_eq!(
        refused(&missing).to_string(),
        format!(
            "root: expected a directory that can be read, got {}: No such file or directory (os error 2)",
            missing.display()
        )
    );
    let file = dir.path().join("file");
    assert_eq!(refused(&file).got(), format!("{}: not a directory", file.display()));
    assert!(refused(&PathBuf::new()).got().contains("No such file"));
}

#[test]
fn globs_that_can_match_nothing_are_refused() {
    let dir = dir();
    for glob in ["", "/a", "./a", "a/../b", "a//b", "a/", "[", "a{b", "[z-a]", "a\\"] {
        let error = Files::new(dir.path(), globs(&["*.ok", glob])).expect_err("a bad glob");
        assert_eq!(error.option(), "glob", "{glob}");
        assert!(error.got().starts_with(&format!("{glob:?}: ")), "{error}");
    }
}
