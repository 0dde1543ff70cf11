//! The columns that JavaScript hands over, as items and back. Any columns are a batch or are refused, as the plainest reading of
//! them says; and whatever is done to batches, each holds the items that a list of them would.
#![no_main]

mod columns;
mod modelled;
mod pool;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

use pool::Pool;

fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let mut pool = Pool::default();
    // An input that ends within a step says nothing more.
    while !input.is_empty() && pool.step(&mut input).is_ok() {}
    pool.check_all();
});
