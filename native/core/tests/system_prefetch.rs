//! How many items a consumer takes at once: several small ones, and none behind a large one.

mod common;

use std::sync::{Arc, Mutex};

use common::{assert_conserved, options};
use millrace_core::system::{Handlers, Retry, Sources, System, SystemOptions};
use millrace_core::tasks::{Algorithm, Hash, HashTask};
use millrace_core::{Batch, Emitter, Failure, Halt, Item, Items, Source, Task, TaskContext};

/// Sends items of these sizes in one batch, each with a key of its own where they have keys.
#[derive(Clone)]
struct Sized {
    sizes: Vec<usize>,
    keys: bool,
}

impl Source<Items> for Sized {
    fn run(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        out.emit(|batch| {
            for (index, size) in self.sizes.iter().enumerate() {
                batch.push(Item::Bytes(&vec![7; *size]));
                if self.keys {
                    batch.set_key(index, index as u64 + 1);
                }
            }
        })
    }
}

/// A hash task that notes how many items each batch has.
struct Noting {
    task: HashTask,
    taken: Arc<Mutex<Vec<usize>>>,
}

impl Task<Items, Items> for Noting {
    fn prefetch(&self) -> usize {
        self.task.prefetch()
    }

    fn prefetch_bytes(&self) -> usize {
        self.task.prefetch_bytes()
    }

    fn handle(
        &mut self,
        batch: &Items,
        index: usize,
        results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        if index == 0 {
            self.taken.lock().expect("no panic under it").push(batch.len());
        }
        self.task.handle(batch, index, results, context)
    }
}

/// Hashes items of these sizes with one consumer; how many it had in hand at a time.
fn taken(sizes: &[usize], options: SystemOptions) -> Vec<usize> {
    taken_from(&Sized { sizes: sizes.to_vec(), keys: false }, options)
}

fn taken_from(source: &Sized, options: SystemOptions) -> Vec<usize> {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let handlers = {
        let taken = Arc::clone(&taken);
        Handlers::native(move |_| Noting { task: Hash::new(Algorithm::Xxh3).task(), taken: Arc::clone(&taken) })
    };
    let source = source.clone();
    let system = System::new(options, Sources::native(move |_, _| source.clone()), handlers, ()).expect("valid");
    system.start().expect("ready");
    let report = system.join();
    assert_conserved(&report.stats);
    let taken = taken.lock().expect("no panic under it").clone();
    assert_eq!(taken.iter().sum::<usize>() as u64, report.stats.processed);
    taken
}

const KIB: usize = 1 << 10;

#[test]
fn small_items_are_hashed_several_at_once() {
    assert_eq!(taken(&[4 * KIB; 40], options(1, 1, 1000)), [16, 16, 8]);
    assert_eq!(taken(&[10; 100], options(1, 1, 1000)), [64, 36]);
}

#[test]
fn no_item_is_taken_along_with_a_large_one() {
    let mib = 1024 * KIB;
    assert_eq!(taken(&[mib, mib], options(1, 1, 1000)), [1, 1]);
    assert_eq!(taken(&[10, 10, mib, 10, mib], options(1, 1, 1000)), [2, 1, 1, 1]);
    assert_eq!(taken(&[40 * KIB, 40 * KIB, 10], options(1, 1, 1000)), [1, 2]);
}

#[test]
fn items_that_may_be_retried_are_weighed_as_well() {
    let options = SystemOptions { retry: Retry { attempts: 2, ..Retry::default() }, ..options(1, 1, 1000) };
    let mib = 1024 * KIB;
    assert_eq!(taken(&[10, 10, mib, mib], options), [2, 1, 1]);
}

#[test]
fn items_with_keys_are_taken_one_at_a_time() {
    let keyed = Sized { sizes: vec![10; 5], keys: true };
    assert_eq!(taken_from(&keyed, options(1, 1, 1000)), [1; 5]);
}
