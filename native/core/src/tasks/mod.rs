//! The tasks that come with the crate: from [`Items`] to [`Items`].
//!
//! Each is a plan, validated when it is made, and gives one [`Task`] to each consumer thread.

mod digest;
mod hash;
mod hash_file;
mod noop;
mod sleep;

use crate::failure::Failure;
use crate::items::{Items, Kind};
use crate::task::Task;

pub use digest::Algorithm;
pub use hash::{Hash, HashTask};
pub use hash_file::{HashFile, HashFileTask};
pub use noop::{Noop, NoopTask};
pub use sleep::{Sleep, SleepTask};

/// How many bytes a task works through between two looks at the abort flag.
const CHECK_BYTES: usize = 1 << 20;

/// Any of the tasks that come with the crate, by a plan.
#[derive(Debug, Clone, Copy)]
pub enum AnyTask {
    /// Sleeps.
    Sleep(Sleep),
    /// Hashes the item.
    Hash(Hash),
    /// Hashes the file that the item names.
    HashFile(HashFile),
    /// Reads the item.
    Noop(Noop),
}

impl AnyTask {
    /// A task for one consumer thread.
    pub fn task(&self) -> Box<dyn Task<Items, Items>> {
        match self {
            AnyTask::Sleep(plan) => Box::new(plan.task()),
            AnyTask::Hash(plan) => Box::new(plan.task()),
            AnyTask::HashFile(plan) => Box::new(plan.task()),
            AnyTask::Noop(plan) => Box::new(plan.task()),
        }
    }
}

/// The failure of a task that can't do anything with an item of this kind.
fn invalid_item(expected: &str, got: Kind) -> Failure {
    // Of text only that is refused.
    let got = if got == Kind::Text16 { "text with a lone surrogate" } else { got.name() };
    Failure::new("ERR_MILLRACE_INVALID_ITEM", format!("expected {expected}, got {got}"))
}
