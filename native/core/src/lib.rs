//! A bounded multi-producer multi-consumer channel, and a producer-consumer system on top of it.

mod batch;
mod failure;
mod source;
mod task;

pub use batch::{Batch, Collect};
pub use failure::Failure;
pub use source::{Emitter, Halt, Outlet, STOP_CHECK, Source};
pub use task::{Task, TaskContext};
