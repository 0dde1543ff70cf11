//! `hash` and `hashFile`: published vectors, every shape of input, and no file that can make them wait.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use millrace_core::tasks::{Algorithm, Hash, HashFile};
use millrace_core::{Batch, Encoding, Failure, FileDigest, Item, Items, Kind, Task, TaskContext};

/// SHA-256 from FIPS 180-4's examples (the empty message, "abc", and the 448-bit message), as NIST publishes them.
const SHA256: [(&[u8], &str); 3] = [
    (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
];

/// BLAKE3 from `test_vectors.json` of the BLAKE3 repository: the first 32 bytes for inputs of these lengths, whose
/// bytes count from 0 to 250 and over again.
const BLAKE3: [(usize, &str); 6] = [
    (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
    (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
    (2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"),
    (102_400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"),
];

/// XXH3 with 64 bits and seed 0 from the sanity tests of the xxHash repository, for inputs of these lengths that its
/// generator makes.
const XXH3: [(usize, &str); 8] = [
    (0, "2d06800538d394c2"),
    (1, "c44bdff4074eecdb"),
    (6, "27b56a84cd2d7325"),
    (12, "a713daf0dfbb77e7"),
    (80, "bcdefbbb2c47c90a"),
    (403, "cdeb804d65c6dea4"),
    (2048, "dd59e2c3a5f038e0"),
    (2367, "cb37aeb9e5d361ed"),
];

fn blake3_input(length: usize) -> Vec<u8> {
    (0..251).cycle().take(length).collect()
}

fn xxh3_input(length: usize) -> Vec<u8> {
    let mut generator = 2_654_435_761_u64;
    let mut next = || {
        let byte = (generator >> 56) as u8;
        generator = generator.wrapping_mul(11_400_714_785_074_694_797);
        byte
    };
    (0..length).map(|_| next()).collect()
}

/// Handles one item, and gives the result.
fn handle(task: &mut dyn Task<Items, Items>, item: Item<'_>) -> Result<Items, Failure> {
    let batch = [item].into_iter().collect::<Items>();
    let aborted = AtomicBool::new(false);
    let mut results = Items::default();
    task.handle(&batch, 0, Some(&mut results), &TaskContext::new(&aborted))?;
    assert_eq!(results.len(), 1);
    Ok(results)
}

fn hash(algorithm: Algorithm, bytes: &[u8]) -> String {
    let mut task = Hash::new(algorithm).task();
    let results = handle(&mut task, Item::Bytes(bytes)).expect("bytes can be hashed");
    let Item::Text(hex) = results.get(0) else { panic!("text") };
    String::from_utf8(hex.to_vec()).expect("hex digits")
}

#[test]
fn agrees_with_the_published_vectors() {
    for (input, digest) in SHA256 {
        assert_eq!(hash(Algorithm::Sha256, input), digest);
    }
    for (length, digest) in BLAKE3 {
        assert_eq!(hash(Algorithm::Blake3, &blake3_input(length)), digest, "{length} bytes");
    }
    for (length, digest) in XXH3 {
        assert_eq!(hash(Algorithm::Xxh3, &xxh3_input(length)), digest, "{length} bytes");
    }
}

#[test]
fn one_task_hashes_item_after_item_afresh() {
    for (_, algorithm) in Algorithm::ALL {
        let mut task = Hash::new(algorithm).task();
        for text in [&b"one"[..], b"", b"one"] {
            let expected = hash(algorithm, text);
            let results = handle(&mut task, Item::Text(text)).expect("text can be hashed");
            assert_eq!(results.get(0), Item::Text(expected.as_bytes()));
        }
    }
}

#[test]
fn text_is_hashed_as_its_utf8() {
    let text = "grüße";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let narrow: Vec<u8> = text.chars().map(|character| character as u8).collect();
    for item in [Item::Text(text.as_bytes()), Item::Text16(&wide), Item::Latin1(&narrow)] {
        let results = handle(&mut Hash::new(Algorithm::Sha256).task(), item).expect("text");
        assert_eq!(results.get(0), Item::Text(hash(Algorithm::Sha256, text.as_bytes()).as_bytes()));
    }
}

#[test]
fn what_is_neither_bytes_nor_text_fails_and_says_what_came() {
    for (item, name) in [
        (Item::Undefined, "undefined"),
        (Item::Null, "null"),
        (Item::Boolean(true), "a boolean"),
        (Item::Number(1.0), "a number"),
        (Item::Text16(b"\0\xd8"), "text with a lone surrogate"),
        (Item::Value(b"v"), "an object"),
        (Item::Packed(b"p"), "an object"),
    ] {
        let failure = handle(&mut Hash::new(Algorithm::Sha256).task(), item).expect_err("a failure");
        assert_eq!(failure.code, "ERR_MILLRACE_INVALID_ITEM");
        assert_eq!(failure.message, format!("expected bytes or text, got {name}"));
        let mut files = HashFile::new(Algorithm::Sha256, Encoding::Utf8).task();
        let failure = handle(&mut files, item).expect_err("a failure");
        assert_eq!(failure.code, "ERR_MILLRACE_INVALID_ITEM");
        assert_eq!(failure.message, format!("expected a path, as text or bytes, got {name}"));
    }
}

#[test]
fn a_batch_goes_on_behind_an_item_that_failed() {
    let batch = [Item::Text(b"one"), Item::Null, Item::Text(b"two")].into_iter().collect::<Items>();
    let aborted = AtomicBool::new(false);
    let context = TaskContext::new(&aborted);
    let mut task = Hash::new(Algorithm::Xxh3).task();
    let mut results = Items::default();
    let mut done = 0;
    let failure = task.handle_batch(&batch, &mut done, Some(&mut results), &context).expect_err("a failure");
    assert_eq!((done, &*failure.code), (1, "ERR_MILLRACE_INVALID_ITEM"));
    done += 1;
    assert_eq!(task.handle_batch(&batch, &mut done, Some(&mut results), &context), Ok(()));
    assert_eq!(done, 3);
    let expected = [&b"one"[..], b"two"].map(|text| hash(Algorithm::Xxh3, text));
    assert_eq!(results, expected.iter().map(|hex| Item::Text(hex.as_bytes())).collect::<Items>());
}

#[test]
fn an_unknown_algorithm_is_refused_with_those_that_are_known() {
    assert_eq!("blake3".parse(), Ok(Algorithm::Blake3));
    for name in ["md5", "SHA256", ""] {
        assert_eq!(
            name.parse::<Algorithm>().expect_err("a failure").to_string(),
            format!("algorithm: expected one of 'sha256', 'blake3', 'xxh3', got '{name}'")
        );
    }
}

#[test]
fn an_abort_ends_the_hashing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("file");
    fs::write(&path, "content").expect("a file");
    let named = Items::from_iter([Item::Bytes(path.as_os_str().as_bytes())]);
    // What is taken together is finished, so a look at the flag comes after the first MiB.
    let large = Items::from_iter([Item::Bytes(&vec![0; (1 << 20) + 1])]);
    let aborted = AtomicBool::new(true);
    let context = TaskContext::new(&aborted);
    let tasks: [(&mut dyn Task<Items, Items>, _); 2] = [
        (&mut Hash::new(Algorithm::Sha256).task(), large),
        (&mut HashFile::new(Algorithm::Sha256, Encoding::Utf8).task(), named),
    ];
    for (task, batch) in tasks {
        let mut results = Items::default();
        let failure = task.handle(&batch, 0, Some(&mut results), &context).expect_err("a failure");
        assert_eq!(failure.code, "ERR_MILLRACE_ABORTED");
        assert!(results.is_empty());
    }
}

fn hash_file(task: &mut dyn Task<Items, Items>, path: &Path) -> Result<Items, Failure> {
    handle(task, Item::Bytes(path.as_os_str().as_bytes()))
}

#[test]
fn files_of_all_sizes_hash_like_their_content() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("file");
    // Below, at and above what is read at a time, and several times that.
    for length in [0, 1, 1000, (128 << 10) - 1, 128 << 10, (128 << 10) + 1, 256 << 10, 1 << 20, 3_000_001] {
        let content = blake3_input(length);
        fs::write(&path, &content).expect("a file");
        for (_, algorithm) in Algorithm::ALL {
            let mut task = HashFile::new(algorithm, Encoding::Utf8).task();
            let expected = hash(algorithm, &content);
            for _ in 0..2 {
                let results = hash_file(&mut task, &path).expect("a file can be hashed");
                let file = FileDigest { digest: expected.as_bytes(), path: path.as_os_str().as_bytes(), raw: false };
                assert_eq!(results.get(0), Item::FileDigest(file), "{algorithm:?} of {length} bytes");
            }
        }
    }
}

/// Files in /proc say that they have 0 bytes. The first has a few, the second many, which come a page a read.
#[test]
fn a_file_that_says_it_is_empty_is_read_to_its_end() {
    for path in ["/proc/self/limits", "/proc/kallsyms"].map(Path::new) {
        let Ok(content) = fs::read(path) else { continue };
        let results = hash_file(&mut HashFile::new(Algorithm::Xxh3, Encoding::Utf8).task(), path).expect("a file");
        let Item::FileDigest(file) = results.get(0) else { panic!("a file digest") };
        assert_eq!(file.digest, hash(Algorithm::Xxh3, &content).as_bytes(), "{}", path.display());
    }
}

#[test]
fn the_encoding_decides_how_the_path_comes_back() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join(std::ffi::OsStr::from_bytes(b"\xff\n\\ odd"));
    fs::write(&path, "").expect("a file");
    for (encoding, kind) in [(Encoding::Utf8, Kind::FileDigest), (Encoding::Buffer, Kind::FileDigestRaw)] {
        let results = hash_file(&mut HashFile::new(Algorithm::Xxh3, encoding).task(), &path).expect("a file");
        assert_eq!(results.kind(0), kind);
        let Item::FileDigest(file) = results.get(0) else { panic!("a file digest") };
        assert_eq!(file.path, path.as_os_str().as_bytes());
    }
}

#[test]
fn what_is_no_regular_file_fails_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let fifo = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).expect("a FIFO");
    let mut task = HashFile::new(Algorithm::Sha256, Encoding::Utf8).task();
    for (path, name) in
        [(&*fifo, "a FIFO"), (dir.path(), "a directory"), (Path::new("/dev/zero"), "a character device")]
    {
        let failure = hash_file(&mut task, path).expect_err("a failure");
        assert_eq!(failure.code, "ERR_MILLRACE_NOT_A_FILE");
        assert_eq!(failure.message, format!("{}: expected a regular file, got {name}", path.display()));
    }
}

#[test]
fn a_file_that_cannot_be_opened_fails_with_the_code_of_the_system() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut task = HashFile::new(Algorithm::Sha256, Encoding::Utf8).task();
    let missing = dir.path().join("missing");
    let failure = hash_file(&mut task, &missing).expect_err("a failure");
    assert_eq!(failure.code, "ENOENT");
    assert!(failure.message.starts_with(&missing.display().to_string()), "{failure}");
    drop(File::create(dir.path().join("file")).expect("a file"));
    assert_eq!(hash_file(&mut task, &dir.path().join("file/below")).expect_err("a failure").code, "ENOTDIR");
    assert_eq!(hash_file(&mut task, Path::new("")).expect_err("a failure").code, "ENOENT");
    assert_eq!(hash_file(&mut task, Path::new("nul\0byte")).expect_err("a failure").code, "ERR_MILLRACE_IO");
}

/// How far this process has read `path`.
fn place_in(path: &Path) -> u64 {
    let descriptors = fs::read_dir("/proc/self/fd").expect("own descriptors").flatten();
    let open = descriptors.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path));
    // One that was closed meanwhile has no place.
    let places = open.filter_map(|entry| {
        let info = fs::read_to_string(Path::new("/proc/self/fdinfo").join(entry.file_name())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("pos:"))?.trim().parse().ok()
    });
    places.max().unwrap_or(0)
}

#[test]
fn a_file_cut_short_while_it_is_hashed_is_a_failure() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().canonicalize().expect("a path").join("file");
    let file = File::create(&path).expect("a file");
    // It takes no room on the disk, and seconds to hash.
    file.set_len(4 << 30).expect("a sparse file");
    let failure = std::thread::scope(|scope| {
        scope.spawn(|| {
            while place_in(&path) == 0 {
                std::thread::yield_now();
            }
            file.set_len(1).expect("a shorter file");
        });
        hash_file(&mut HashFile::new(Algorithm::Sha256, Encoding::Utf8).task(), &path).expect_err("a failure")
    });
    assert_eq!(failure.code, "ERR_MILLRACE_FILE_CHANGED");
    assert!(failure.message.ends_with("expected 4294967296 bytes as at first, got 1"), "{failure}");
}

/// Files in /sys say that they have a page.
#[test]
fn a_file_that_says_it_is_longer_is_hashed_to_its_end() {
    let path = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
    let Ok(content) = fs::read(path) else { return };
    let results = hash_file(&mut HashFile::new(Algorithm::Xxh3, Encoding::Utf8).task(), path).expect("a file");
    let Item::FileDigest(file) = results.get(0) else { panic!("a file digest") };
    assert_eq!(file.digest, hash(Algorithm::Xxh3, &content).as_bytes());
}
