//! Items in columns: what comes from JavaScript and goes back to it, and what sources make.

use millrace_core::sources::{Lines, LinesOptions};
use millrace_core::{Batch, Collect, Emitter, Failure, Halt, Item, Items, Kind, KindNumbers, Outlet, Source, View};

use crate::Path;

/// What a call from JavaScript brings.
const BATCH: u64 = 100;
const TEXT: &[u8] = b"item number 7919 of the batch";

pub const PATHS: &[(&str, Path)] = &[
    ("codec/columns-of-text", columns_of_text),
    ("codec/columns-of-kinds", columns_of_kinds),
    ("codec/push-text", push_text),
    ("codec/split-and-append", split_and_append),
    ("codec/lines", lines),
];

/// Texts that come in columns, are checked, and go back in columns.
fn columns_of_text(items: u64) -> u64 {
    there_and_back(items, &TEXT.repeat(BATCH as usize), &ends(|_| TEXT.len()), KindNumbers::One(Kind::Text as u8))
}

/// The same for items of several kinds, where each has to be looked at.
fn columns_of_kinds(items: u64) -> u64 {
    let kinds: Vec<u8> =
        (0..BATCH).map(|index| [Kind::Text, Kind::Number, Kind::Null][index as usize % 3] as u8).collect();
    let length = |index: usize| [TEXT.len(), size_of::<f64>(), 0][index % 3];
    let ends = ends(length);
    there_and_back(items, &vec![b'0'; ends[ends.len() - 1] as usize], &ends, KindNumbers::Each(&kinds))
}

fn ends(length: impl Fn(usize) -> usize) -> Vec<u32> {
    (0..BATCH as usize)
        .scan(0, |end, index| {
            *end += length(index) as u32;
            Some(*end)
        })
        .collect()
}

fn there_and_back(items: u64, bytes: &[u8], ends: &[u32], kinds: KindNumbers<'_>) -> u64 {
    let (mut out, mut places) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(ends.len()));
    let mut count = 0;
    while count < items {
        let batch = Items::from_blobs(bytes.to_vec(), ends, kinds).expect("columns that fit");
        let fit = batch.fit(usize::MAX, 1 << 20);
        let View::Blobs(view) = batch.view(0..fit) else { panic!("blobs") };
        out.clear();
        places.clear();
        out.extend_from_slice(view.bytes);
        places.extend(view.ends());
        assert!(out == bytes && places == ends, "what came");
        count += fit as u64;
    }
    count
}

/// Texts that are made natively, item by item.
fn push_text(items: u64) -> u64 {
    let mut count = 0;
    while count < items {
        let mut batch = Items::with_capacity(BATCH as usize);
        for _ in 0..BATCH {
            batch.push(Item::Text(TEXT));
        }
        assert_eq!(batch.byte_len(), TEXT.len() * BATCH as usize);
        count += batch.len() as u64;
    }
    count
}

/// A batch that is taken item by item and gathered again.
fn split_and_append(items: u64) -> u64 {
    let mut batch: Items = (0..BATCH).map(|_| Item::Text(TEXT)).collect();
    let mut count = 0;
    while count < items {
        let mut gathered = Items::with_capacity(BATCH as usize);
        while !batch.is_empty() {
            gathered.append(batch.split_front(1));
        }
        assert_eq!(gathered.get(gathered.len() - 1), Item::Text(TEXT));
        count += gathered.len() as u64;
        batch = gathered;
    }
    count
}

/// Lines of a file, as the source sends them.
fn lines(items: u64) -> u64 {
    let path = std::env::temp_dir().join(format!("millrace-instructions-{}", std::process::id()));
    std::fs::write(&path, [TEXT, b"\n"].concat().repeat(items as usize)).expect("a file");
    let plan = Lines::new([path.clone()], LinesOptions::default()).expect("options in range");
    let mut arrived = Count(0);
    for mut source in plan.sources(1) {
        let mut out = Emitter::new(&mut arrived, BATCH as usize, 0, 1);
        source.run(&mut out).and_then(|()| out.flush()).expect("lines");
    }
    std::fs::remove_file(&path).expect("our file");
    arrived.0
}

/// Counts what is sent.
struct Count(u64);

impl Outlet<Items> for Count {
    fn send(&mut self, batch: Items) -> Result<(), Halt> {
        assert_eq!(batch.get(0), Item::Text(TEXT));
        self.0 += batch.len() as u64;
        Ok(())
    }

    fn forward(&mut self, batch: Items) -> Result<(), (Halt, Items)> {
        self.send(batch).map_err(|halt| (halt, Items::default()))
    }

    fn reject(&mut self, _batch: Items, failure: Failure) {
        panic!("{failure}");
    }

    fn stopping(&self) -> bool {
        false
    }
}
