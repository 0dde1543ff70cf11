//! The slots: a bounded queue of batches that never waits. Waiting is the business of senders.rs and receivers.rs.

#[cfg(not(loom))]
pub(super) use real::Slots;

#[cfg(loom)]
pub(super) use model::Slots;

#[cfg(not(loom))]
mod real {
    use crossbeam_channel::{Receiver, Sender, bounded};

    /// A crossbeam channel with both of its ends in one place, used only by its calls that do not wait.
    #[derive(Debug)]
    pub(in crate::channel) struct Slots<B> {
        sender: Sender<B>,
        receiver: Receiver<B>,
    }

    impl<B> Slots<B> {
        /// How many bytes each takes: a batch, and crossbeam's stamp.
        pub(in crate::channel) const BYTES: usize = size_of::<B>() + size_of::<usize>();

        pub(in crate::channel) fn new(capacity: usize) -> Self {
            let (sender, receiver) = bounded(capacity);
            Slots { sender, receiver }
        }

        /// Puts a batch in; gives it back where every slot is taken.
        pub(in crate::channel) fn push(&self, batch: B) -> Result<(), B> {
            self.sender.try_send(batch).map_err(crossbeam_channel::TrySendError::into_inner)
        }

        pub(in crate::channel) fn pop(&self) -> Option<B> {
            self.receiver.try_recv().ok()
        }

        pub(in crate::channel) fn is_empty(&self) -> bool {
            self.receiver.is_empty()
        }

        pub(in crate::channel) fn len(&self) -> usize {
            self.receiver.len()
        }
    }
}

#[cfg(loom)]
mod model {
    use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering, lock};

    /// How many pushes a model may do in all.
    const PUSHES: usize = 6;

    /// What crossbeam's bounded channel promises and no more: a push publishes its batch with a Release store that
    /// the pop of the same slot acquires.
    #[derive(Debug)]
    pub(in crate::channel) struct Slots<B> {
        cells: Vec<Cell<B>>,
        tail: AtomicUsize,
        head: AtomicUsize,
    }

    #[derive(Debug)]
    struct Cell<B> {
        ready: AtomicBool,
        batch: Mutex<Option<B>>,
    }

    impl<B> Slots<B> {
        pub(in crate::channel) const BYTES: usize = size_of::<B>();

        pub(in crate::channel) fn new(_capacity: usize) -> Self {
            let cells = (0..PUSHES).map(|_| Cell { ready: AtomicBool::new(false), batch: Mutex::new(None) }).collect();
            Slots { cells, tail: AtomicUsize::new(0), head: AtomicUsize::new(0) }
        }

        pub(in crate::channel) fn push(&self, batch: B) -> Result<(), B> {
            let at = self.tail.fetch_add(1, Ordering::Relaxed);
            *lock(&self.cells[at].batch) = Some(batch);
            self.cells[at].ready.store(true, Ordering::Release);
            Ok(())
        }

        pub(in crate::channel) fn pop(&self) -> Option<B> {
            let mut at = self.head.load(Ordering::Relaxed);
            while self.is_ready(at) {
                match self.head.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return lock(&self.cells[at].batch).take(),
                    Err(now) => at = now,
                }
            }
            None
        }

        pub(in crate::channel) fn is_empty(&self) -> bool {
            !self.is_ready(self.head.load(Ordering::Relaxed))
        }

        pub(in crate::channel) fn len(&self) -> usize {
            (self.head.load(Ordering::Relaxed)..PUSHES).take_while(|at| self.is_ready(*at)).count()
        }

        fn is_ready(&self, at: usize) -> bool {
            at < PUSHES && self.cells[at].ready.load(Ordering::Acquire)
        }
    }
}
