//! The ends of a channel, as each crate's documentation uses them: a sender for each producer, a receiver for each
//! consumer, and the end when the last sender is gone.

use std::sync::{Arc, Mutex, mpsc};

/// What a producer holds.
pub trait SendPort<T>: Clone + Send {
    /// Blocks while the channel is full. False where nobody receives any more.
    fn send(&self, message: T) -> bool;

    /// Called with the last one, after all producers ended.
    fn end(self) {}
}

/// What a consumer holds.
pub trait ReceivePort<T>: Clone + Send {
    /// Blocks while the channel is empty. Nothing at the end.
    fn receive(&self) -> Option<T>;
}

/// Rust users' own channels, whose calls have the same names.
macro_rules! ports {
    ($sender:ty, $receiver:ty) => {
        impl<T: Send> SendPort<T> for $sender {
            #[inline]
            fn send(&self, message: T) -> bool {
                <$sender>::send(self, message).is_ok()
            }
        }

        impl<T: Send> ReceivePort<T> for $receiver {
            #[inline]
            fn receive(&self) -> Option<T> {
                self.recv().ok()
            }
        }
    };
}

ports!(crossbeam_channel::Sender<T>, crossbeam_channel::Receiver<T>);
ports!(kanal::Sender<T>, kanal::Receiver<T>);
ports!(flume::Sender<T>, flume::Receiver<T>);

impl<T: Send> SendPort<T> for mpsc::SyncSender<T> {
    #[inline]
    fn send(&self, message: T) -> bool {
        mpsc::SyncSender::send(self, message).is_ok()
    }
}

/// A std channel has one receiver; consumers share it behind a lock, as the Rust Book's thread pool does.
impl<T: Send> ReceivePort<T> for Arc<Mutex<mpsc::Receiver<T>>> {
    #[inline]
    fn receive(&self) -> Option<T> {
        self.lock().ok()?.recv().ok()
    }
}

/// Ours, item by item: a channel of single items.
impl<T: Send + 'static> SendPort<T> for millrace_core::Channel<Option<T>> {
    #[inline]
    fn send(&self, message: T) -> bool {
        millrace_core::Channel::send(self, Some(message)).is_ok()
    }

    fn end(self) {
        self.close();
    }
}

impl<T: Send + 'static> ReceivePort<T> for millrace_core::Channel<Option<T>> {
    #[inline]
    fn receive(&self) -> Option<T> {
        millrace_core::Channel::receive(self, 1).ok()?
    }
}
