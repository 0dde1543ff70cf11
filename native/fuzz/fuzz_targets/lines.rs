//! Lines of any bytes, read in any ranges and portions: each exactly once and unchanged, in order, as a plain split gives them.
#![no_main]

mod feed;
mod plan;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // An input that is too short to say all is no plan.
    let _ = plan::run(data);
});
