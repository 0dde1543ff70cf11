//! Every error of the channel. Those of a send give the batch back.

use std::fmt;

/// A send that was refused. What was not sent is in the error: after a partial send, the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<B> {
    /// The channel was closed before the send began.
    Closed(B),
    /// The channel was aborted.
    Aborted(B),
}

/// A [`try_send`](super::Channel::try_send) that did not send anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<B> {
    /// There is no room for the whole batch, or senders that have waited too long come first.
    Full(B),
    /// The channel was closed.
    Closed(B),
    /// The channel was aborted.
    Aborted(B),
}

/// A [`send_timeout`](super::Channel::send_timeout) that did not send everything. What was not sent is in the error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<B> {
    /// Time ran out.
    Timeout(B),
    /// The channel was closed before the send began.
    Closed(B),
    /// The channel was aborted.
    Aborted(B),
}

/// A receive that got nothing and never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveError {
    /// The end: the channel was closed and everything in it was received and settled.
    Closed,
    /// The channel was aborted.
    Aborted,
}

/// A [`try_receive`](super::Channel::try_receive) that got nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryReceiveError {
    /// Nothing is there now, or what is there belongs to receivers that have waited too long.
    Empty,
    /// The end: the channel was closed and everything in it was received and settled.
    Closed,
    /// The channel was aborted.
    Aborted,
}

/// A [`receive_timeout`](super::Channel::receive_timeout) that got nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveTimeoutError {
    /// Time ran out.
    Timeout,
    /// The end: the channel was closed and everything in it was received and settled.
    Closed,
    /// The channel was aborted.
    Aborted,
}

/// A capacity that no channel can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityError {
    /// What was asked for.
    pub capacity: usize,
}

impl<B> SendError<B> {
    /// What was not sent.
    pub fn into_inner(self) -> B {
        match self {
            SendError::Closed(batch) | SendError::Aborted(batch) => batch,
        }
    }
}

impl<B> TrySendError<B> {
    /// What was not sent.
    pub fn into_inner(self) -> B {
        match self {
            TrySendError::Full(batch) | TrySendError::Closed(batch) | TrySendError::Aborted(batch) => batch,
        }
    }
}

impl<B> SendTimeoutError<B> {
    /// What was not sent.
    pub fn into_inner(self) -> B {
        match self {
            SendTimeoutError::Timeout(batch) | SendTimeoutError::Closed(batch) | SendTimeoutError::Aborted(batch) => {
                batch
            }
        }
    }
}

impl<B> From<SendError<B>> for SendTimeoutError<B> {
    fn from(error: SendError<B>) -> Self {
        match error {
            SendError::Closed(batch) => SendTimeoutError::Closed(batch),
            SendError::Aborted(batch) => SendTimeoutError::Aborted(batch),
        }
    }
}

impl From<ReceiveError> for TryReceiveError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Closed => TryReceiveError::Closed,
            ReceiveError::Aborted => TryReceiveError::Aborted,
        }
    }
}

impl From<ReceiveError> for ReceiveTimeoutError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Closed => ReceiveTimeoutError::Closed,
            ReceiveError::Aborted => ReceiveTimeoutError::Aborted,
        }
    }
}

const CLOSED: &str = "the channel is closed";
const ABORTED: &str = "the channel was aborted";
const TIMEOUT: &str = "the time-out passed";

macro_rules! texts {
    ($($error:ident $(<$b:ident>)? { $($variant:ident => $text:expr),* }),*) => {$(
        impl$(<$b>)? fmt::Display for $error$(<$b>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($error::$variant { .. } => $text),* })
            }
        }

        impl$(<$b: fmt::Debug>)? std::error::Error for $error$(<$b>)? {}
    )*};
}

texts! {
    SendError<B> { Closed => CLOSED, Aborted => ABORTED },
    TrySendError<B> { Full => "the channel is full", Closed => CLOSED, Aborted => ABORTED },
    SendTimeoutError<B> { Timeout => TIMEOUT, Closed => CLOSED, Aborted => ABORTED },
    ReceiveError { Closed => CLOSED, Aborted => ABORTED },
    TryReceiveError { Empty => "the channel is empty", Closed => CLOSED, Aborted => ABORTED },
    ReceiveTimeoutError { Timeout => TIMEOUT, Closed => CLOSED, Aborted => ABORTED }
}

macro_rules! debug_without_batch {
    ($($error:ident { $($variant:ident),* }),*) => {$(
        // A batch need not be Debug, and a thousand items would not help anyone.
        impl<B> fmt::Debug for $error<B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($error::$variant(_) => concat!(stringify!($variant), "(..)")),* })
            }
        }
    )*};
}

debug_without_batch! {
    SendError { Closed, Aborted },
    TrySendError { Full, Closed, Aborted },
    SendTimeoutError { Timeout, Closed, Aborted }
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected a capacity from 1 to {}, got {}", super::MAX_CAPACITY, self.capacity)
    }
}

impl std::error::Error for CapacityError {}
