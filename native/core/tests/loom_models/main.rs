//! Models of what the channel promises: each a race of a few lines, which loom runs in every order that the memory model
//! allows, up to a number of preemptions.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p millrace-core --release --test loom_models
//! ```
//!
//! A model that can't fail proves nothing: `broken.rs` breaks each essential ordering in turn and sees a model fail. By
//! hand, `LOOM_BROKEN=push_fence` before the command above does the same.
//!
//! The models know no time, so they leave out rates, aging and leases that come back later, and what is timed out is so
//! at once. A waiter is due once it was overtaken by as many items as the capacity, not four times as many.
#![cfg(loom)]

mod aborts;
mod ahead;
mod bound;
mod broken;
mod cancels;
mod closes;
mod credit;
mod fairness;
mod inside;
mod keys;
mod lanes;
mod leases;
mod order;
mod overflow;
mod select;
mod single;
mod support;
mod waits;
