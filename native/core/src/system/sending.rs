//! Sends from outside: by any Rust thread, and by JavaScript.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::envelope::Envelope;
use super::inner::Inner;
use crate::batch::Collect;
use crate::channel::{Cancelled, SendError, Sending, TrySendError};

/// The count of one send: begun when it is made, and what was refused of it when it is over. What was admitted is
/// counted at the admission.
pub(crate) struct SendCount {
    generation: usize,
}

impl SendCount {
    /// Counts a send as begun and seals its batch.
    pub(crate) fn begin<B: Collect, R: Collect>(inner: &Inner<B, R>, batch: B) -> (Self, Envelope<B>) {
        let generation = inner.idle.generation();
        inner.counters.outside.begun[generation].add_shared(batch.len() as u64);
        (SendCount { generation }, Envelope { batch, generation, sent_at: inner.clock(), history: None })
    }

    /// Counts it as over, with `refused` of its items not sent.
    pub(crate) fn end<B: Collect, R: Collect>(&self, inner: &Inner<B, R>, refused: usize) {
        if refused > 0 {
            inner.counters.outside.refused[self.generation].add_shared(refused as u64);
            inner.check_idle();
        }
    }
}

/// A send into a system under way. Dropping it takes out what was not admitted; [`SystemSend::cancel`] gives it back.
#[must_use = "a send that is dropped is cancelled"]
pub struct SystemSend<B: Collect, R: Collect> {
    inner: Arc<Inner<B, R>>,
    count: SendCount,
    /// `None` once it is over.
    sending: Option<Sending<Envelope<B>>>,
}

impl<B: Collect, R: Collect> SystemSend<B, R> {
    pub(crate) fn new(inner: Arc<Inner<B, R>>, count: SendCount, sending: Sending<Envelope<B>>) -> Self {
        SystemSend { inner, count, sending: Some(sending) }
    }

    /// Cancels the send unless it is over. Never waits.
    ///
    /// # Panics
    /// Where the future has given its outcome.
    pub fn cancel(mut self) -> Cancelled<B> {
        match self.take_out() {
            Some(cancelled) => cancelled,
            None => panic!("a send was cancelled after it had completed"),
        }
    }

    fn take_out(&mut self) -> Option<Cancelled<B>> {
        let cancelled = match self.sending.take()?.cancel() {
            Cancelled::Rest(envelope) => Cancelled::Rest(envelope.batch),
            Cancelled::Over(outcome) => Cancelled::Over(outcome.map_err(unseal)),
        };
        self.count.end(
            &self.inner,
            match &cancelled {
                Cancelled::Rest(batch) => batch.len(),
                Cancelled::Over(outcome) => refused(outcome),
            },
        );
        Some(cancelled)
    }
}

impl<B: Collect, R: Collect> Future for SystemSend<B, R> {
    type Output = Result<(), SendError<B>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(sending) = self.sending.as_mut() else { panic!("a send was polled after it had completed") };
        let Poll::Ready(outcome) = Pin::new(sending).poll(cx) else { return Poll::Pending };
        self.sending = None;
        let outcome = outcome.map_err(unseal);
        self.count.end(&self.inner, refused(&outcome));
        Poll::Ready(outcome)
    }
}

impl<B: Collect, R: Collect> Drop for SystemSend<B, R> {
    fn drop(&mut self) {
        self.take_out();
    }
}

pub(crate) fn refused<B: Collect>(outcome: &Result<(), SendError<B>>) -> usize {
    match outcome {
        Ok(()) => 0,
        Err(SendError::Closed(batch) | SendError::Aborted(batch)) => batch.len(),
    }
}

pub(crate) fn unseal<B>(error: SendError<Envelope<B>>) -> SendError<B> {
    match error {
        SendError::Closed(envelope) => SendError::Closed(envelope.batch),
        SendError::Aborted(envelope) => SendError::Aborted(envelope.batch),
    }
}

pub(crate) fn unseal_try<B>(error: TrySendError<Envelope<B>>) -> TrySendError<B> {
    match error {
        TrySendError::Full(envelope) => TrySendError::Full(envelope.batch),
        TrySendError::Closed(envelope) => TrySendError::Closed(envelope.batch),
        TrySendError::Aborted(envelope) => TrySendError::Aborted(envelope.batch),
    }
}
