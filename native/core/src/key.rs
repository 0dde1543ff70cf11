//! Keys by name.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// The key of items that share `name`, in this process: a hash whose secret each process draws. Where two names have the
/// same one, their items are handled one at a time, as those of one key are. Never 0, which is no key.
pub fn key_of(name: &[u8]) -> u64 {
    static STATE: OnceLock<RandomState> = OnceLock::new();
    STATE.get_or_init(RandomState::new).hash_one(name).max(1)
}
