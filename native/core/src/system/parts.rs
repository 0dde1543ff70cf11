//! What a system is put together from: where items come from, and what happens to them.

use crate::batch::Collect;
use crate::items::Items;
use crate::source::Source;
use crate::sources::AnySource;
use crate::task::Task;
use crate::tasks::AnyTask;

/// Makes one source for each of so many producers.
pub type MakeSources<B> = Box<dyn FnMut(usize) -> Vec<Box<dyn Source<B>>> + Send>;

/// Where items come from.
pub enum Sources<B> {
    /// By sends alone: the system runs until it is stopped.
    None,
    /// Producer threads. When all of their sources have ended, so does the system, once everything is settled.
    Native(MakeSources<B>),
    /// Sends, until [`System::source_ended`](super::System::source_ended) says that there will be no more.
    External,
}

impl<B: Collect> Sources<B> {
    /// Producer threads, each with the source that `make` gives for its index and their number.
    pub fn native<S: Source<B> + 'static>(mut make: impl FnMut(usize, usize) -> S + Send + 'static) -> Self {
        Sources::Native(Box::new(move |count| {
            (0..count).map(|index| Box::new(make(index, count)) as Box<dyn Source<B>>).collect()
        }))
    }
}

impl From<AnySource> for Sources<Items> {
    fn from(plan: AnySource) -> Self {
        Sources::Native(Box::new(move |count| plan.sources(count)))
    }
}

/// Makes the task of consumer `index`.
pub type MakeTask<B, R> = Box<dyn FnMut(usize) -> Box<dyn Task<B, R>> + Send>;

/// What happens to items.
pub enum Handlers<B, R> {
    /// Consumer threads.
    Native(MakeTask<B, R>),
    /// An [`ExternalConsumer`](super::ExternalConsumer) takes them.
    External,
    /// So many [`WorkerConsumer`](super::WorkerConsumer)s as the options have consumers take them.
    Workers,
}

impl<B: Collect, R: Collect> Handlers<B, R> {
    /// Consumer threads, each with the task that `make` gives for its index.
    pub fn native<T: Task<B, R> + 'static>(mut make: impl FnMut(usize) -> T + Send + 'static) -> Self {
        Handlers::Native(Box::new(move |index| Box::new(make(index))))
    }
}

impl From<AnyTask> for Handlers<Items, Items> {
    fn from(plan: AnyTask) -> Self {
        Handlers::Native(Box::new(move |_| plan.task()))
    }
}
