//! A bounded multi-producer multi-consumer channel, and a producer-consumer system on top of it.
#![deny(unsafe_code)]
#![cfg_attr(loom, allow(dead_code, unused_imports, reason = "the models leave out the system, which uses it"))]

#[cfg(not(loom))]
mod alarm;
mod batch;
pub mod channel;
mod delay;
mod failure;
mod file;
mod items;
mod key;
mod marked;
mod options;
mod patience;
mod source;
// Models are of the channel alone: the locks of sources and of the system are std's.
#[cfg(not(loom))]
pub mod sources;
mod sync;
#[cfg(not(loom))]
pub mod system;
mod task;
pub mod tasks;

pub use batch::{Batch, Collect};
pub use channel::{
    CapacityError, Channel, ChannelOptions, ChannelStats, Lease, Overflow, ReceiveError, ReceiveTimeoutError,
    SendError, SendTimeoutError, TryReceiveError, TrySendError,
};
pub use delay::Delay;
pub use failure::Failure;
pub use items::{
    BlobView, ColumnsError, ContentParts, Encoding, FileDigest, Item, Items, Kind, KindNumbers, KindView, LARGE_BYTES,
    Label, LargeBytes, LoneSurrogate, View,
};
pub use key::key_of;
pub use marked::Marked;
pub use options::OptionError;
pub use patience::Patience;
pub use source::{Emitter, Halt, Outlet, STOP_CHECK, Source};
pub use task::{Task, TaskContext};
