//! What a system is put together from: where items come from, and what happens to them.

use super::consumer::Runner;
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

/// What happens to items.
pub enum Handlers<B, R> {
    /// Consumer threads.
    Native(Box<dyn MakeTask<B, R>>),
    /// An [`ExternalConsumer`](super::ExternalConsumer) takes them.
    External,
}

impl<B: Collect, R: Collect> Handlers<B, R> {
    /// Consumer threads, each with the task that `make` gives for its index.
    pub fn native<T: Task<B, R> + 'static>(make: impl FnMut(usize) -> T + Send + 'static) -> Self {
        Handlers::Native(Box::new(make))
    }
}

impl From<AnyTask> for Handlers<Items, Items> {
    /// Each kind of task by itself, so that the consumers' loop is compiled with the task in it.
    fn from(plan: AnyTask) -> Self {
        match plan {
            AnyTask::Sleep(plan) => Handlers::native(move |_| plan.task()),
            AnyTask::Hash(plan) => Handlers::native(move |_| plan.task()),
            AnyTask::HashFile(plan) => Handlers::native(move |_| plan.task()),
            AnyTask::Noop(plan) => Handlers::native(move |_| plan.task()),
        }
    }
}

/// Makes tasks. Sealed: [`Handlers::native`] makes one from a closure.
#[allow(private_interfaces, reason = "sealed: nobody outside can name or call it")]
pub trait MakeTask<B, R>: Send {
    #[doc(hidden)]
    fn make(&mut self, index: usize) -> Box<dyn Runner<B, R>>;
}

#[allow(private_interfaces, reason = "sealed: nobody outside can name or call it")]
impl<B: Collect, R: Collect, T: Task<B, R> + 'static, F: FnMut(usize) -> T + Send> MakeTask<B, R> for F {
    fn make(&mut self, index: usize) -> Box<dyn Runner<B, R>> {
        Box::new(self(index))
    }
}
