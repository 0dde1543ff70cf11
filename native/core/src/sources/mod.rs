//! The sources that come with the crate, over [`Items`].
//!
//! Each is a plan: validated when it is made, before any thread starts, and then asked for one [`Source`] a producer.
//! What producers share, such as the ranges of a file that are still to be read, is made anew by every such call, so
//! a plan can be used again.

mod channel;
mod files;
mod lines;
mod sequence;

use crate::items::Items;
use crate::source::Source;

pub use channel::ChannelSource;
pub use files::{Files, FilesOptions};
pub use lines::{KeyColumn, Lines, LinesOptions};
pub use sequence::{Sequence, SequenceItem, SequenceOptions};

/// A batch this heavy is sent on, in bytes, however few items it holds: what a source keeps back stays small.
const BATCH_BYTES: usize = 256 << 10;

/// Any of the sources that come with the crate, by a plan.
#[derive(Debug, Clone)]
pub enum AnySource {
    /// Made-up items.
    Sequence(Sequence),
    /// The lines of files.
    Lines(Lines),
    /// The files below a directory.
    Files(Files),
    /// The items of a channel.
    Channel(ChannelSource),
}

impl AnySource {
    /// One source for each of `count` producers, who share the work.
    pub fn sources(&self, count: usize) -> Vec<Box<dyn Source<Items>>> {
        fn boxed<S: Source<Items> + 'static>(sources: Vec<S>) -> Vec<Box<dyn Source<Items>>> {
            sources.into_iter().map(|source| Box::new(source) as _).collect()
        }
        match self {
            AnySource::Sequence(plan) => boxed(plan.sources(count)),
            AnySource::Lines(plan) => boxed(plan.sources(count)),
            AnySource::Files(plan) => boxed(plan.sources(count)),
            AnySource::Channel(plan) => boxed(vec![plan.clone(); count]),
        }
    }
}
