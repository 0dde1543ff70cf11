//! A bounded multi-producer multi-consumer channel, and a producer-consumer system on top of it.

mod batch;
pub mod channel;
mod failure;
mod source;
mod sync;
mod task;

pub use batch::{Batch, Collect};
pub use channel::{
    CapacityError, Channel, ChannelStats, Lease, ReceiveError, ReceiveTimeoutError, SendError, SendTimeoutError,
    TryReceiveError, TrySendError,
};
pub use failure::Failure;
pub use source::{Emitter, Halt, Outlet, STOP_CHECK, Source};
pub use task::{Task, TaskContext};
