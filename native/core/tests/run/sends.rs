//! Sends, and what becomes of them.

use std::task::{Poll, Waker};
use std::time::Instant;

use millrace_core::channel::Cancelled;
use millrace_core::{SendError, TrySendError};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::program::Mark;
use super::{FREES, Outcome, Run};
use crate::model::{Item, Load, Refusal, Sent};
use crate::support;

impl Run {
    pub(super) fn items(&mut self, marks: &[Mark]) -> Vec<Item> {
        let first = self.items_made + 1;
        self.items_made += marks.len() as u64;
        (first..).zip(marks).map(|(id, &(lane, key, tagged))| Item { id, lane, key, tagged }).collect()
    }

    pub(super) fn refused(&mut self, ids: &[u64]) -> Outcome {
        ids.iter().try_for_each(|id| self.end_of(*id, "refused"))
    }

    pub(super) fn sent(&mut self, outcome: Result<(), TrySendError<Load>>, expected: &Sent) -> Outcome {
        let sent = match outcome {
            Ok(()) => Sent::All,
            Err(TrySendError::Full(rest)) => Sent::Refused(Refusal::Full, rest.ids()),
            Err(TrySendError::Closed(rest)) => Sent::Refused(Refusal::Closed, rest.ids()),
            Err(TrySendError::Aborted(rest)) => Sent::Refused(Refusal::Aborted, rest.ids()),
        };
        prop_assert_eq!(&sent, expected);
        if let Sent::Refused(_, rest) = &sent {
            self.refused(rest)?;
        }
        Ok(())
    }

    pub(super) fn try_send(&mut self, port: usize, marks: &[Mark]) -> Outcome {
        let items = self.items(marks);
        let untold = self.model.untold() > 0;
        let expected = self.model.try_send(port, &items);
        let mut outcome = self.ports[port].try_send(Load(items));
        let began = Instant::now();
        // The room of what was claimed and not told is free, unless the supervisor is about to free it.
        while untold
            && expected == Sent::All
            && began.elapsed() < FREES
            && let Err(TrySendError::Full(load)) = outcome
        {
            std::thread::yield_now();
            outcome = self.ports[port].try_send(load);
        }
        self.sent(outcome, &expected)
    }

    pub(super) fn offer(&mut self, port: usize, marks: &[Mark]) -> Outcome {
        self.tell_all()?;
        let items = self.items(marks);
        let (mut dropped, mut expected) = (Vec::new(), Vec::new());
        let outcome = self.ports[port].offer(Load(items.clone()), false, |load| dropped.extend(load.ids()));
        let sent = self.model.offer(port, &items, &mut expected);
        prop_assert_eq!(&dropped, &expected, "dropped");
        dropped.iter().try_for_each(|id| self.end_of(*id, "dropped"))?;
        self.sent(outcome, &sent)
    }

    pub(super) fn send(&mut self, port: usize, marks: &[Mark]) -> Outcome {
        // Of two ports whose sends wait in the same lane the older goes first, which only a clock would tell.
        let port = if self.model.setup.lanes > 1 { 0 } else { port };
        self.tell_all()?;
        let items = self.items(marks);
        let number = self.sends_made;
        self.sends_made += 1;
        let expected = self.model.send(port, &items, number);
        let polled = match self.ports[port].send(Load(items)) {
            Err(refused) => Poll::Ready(Err(refused)),
            Ok(mut send) => {
                let polled = support::poll(&mut send, Waker::noop());
                if polled.is_pending() {
                    self.sends.push((number, send));
                }
                polled
            }
        };
        match polled {
            Poll::Pending => prop_assert_eq!(Sent::Waits, expected),
            Poll::Ready(outcome) => self.sent(outcome.map_err(TrySendError::from), &expected)?,
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self, nth: usize) -> Outcome {
        if self.sends.is_empty() {
            return Ok(());
        }
        let (number, send) = self.sends.remove(nth % self.sends.len());
        let expected = self.model.cancel(number);
        let Cancelled::Rest(rest) = send.cancel() else { return Err(TestCaseError::fail("it was over")) };
        prop_assert_eq!(Some(rest.ids()), expected);
        self.refused(&rest.ids())
    }

    /// Sends that wait are over exactly when the model says so.
    pub(super) fn look_after_sends(&mut self) -> Outcome {
        for (number, mut send) in std::mem::take(&mut self.sends) {
            let refused = self.model.take_refused(number);
            match support::poll(&mut send, Waker::noop()) {
                Poll::Pending => {
                    prop_assert!(refused.is_none() && self.model.is_waiting_send(number), "send {} waits", number);
                    self.sends.push((number, send));
                }
                Poll::Ready(Ok(())) => {
                    prop_assert!(refused.is_none() && !self.model.is_waiting_send(number), "send {} is over", number);
                }
                Poll::Ready(Err(SendError::Aborted(rest))) => {
                    prop_assert_eq!(Some(rest.ids()), refused);
                    self.refused(&rest.ids())?;
                }
                Poll::Ready(Err(SendError::Closed(_))) => return Err(TestCaseError::fail("a close refused it")),
            }
        }
        Ok(())
    }
}
