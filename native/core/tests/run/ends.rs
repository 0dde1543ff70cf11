//! From wherever a program is to the report.

use std::time::{Duration, Instant};

use millrace_core::system::{Notice, State};
use proptest::prelude::*;

use super::program::End;
use super::{HANGS, Outcome, Run, failure};
use crate::model::Load;

impl Run {
    pub(super) fn end(&mut self, end: End) -> Outcome {
        let (before, broken_off) = (self.model.state, self.model.broken_off);
        match end {
            End::Stop => {
                self.system.stop(None);
                self.model.stop();
            }
            End::Expire => {
                self.system.stop(Some(Duration::ZERO));
                self.model.expire();
            }
            End::Abort => {
                self.system.abort(failure());
                self.model.abort();
            }
        }
        if before == State::Ready {
            return self.until(Notice::Finished);
        }
        if self.model.state == State::Draining && before != State::Draining {
            self.until(Notice::Draining)?;
        }
        if self.model.broken_off && !broken_off {
            self.until(Notice::BrokenOff)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, end: End) -> Outcome {
        if !self.model.broken_off && self.model.state != State::Draining {
            self.end(end)?;
            self.compare()?;
        }
        if self.model.broken_off {
            self.give_up()?;
        }
        let began = Instant::now();
        while self.over.contains(&false) {
            prop_assert!(began.elapsed() < HANGS, "it does not drain: {:?}", self.model);
            let before = self.fates.len();
            for place in 0..self.over.len() {
                self.work(place)?;
                self.compare()?;
            }
            if self.model.waits_for_ever() && self.fates.len() == before {
                self.end(End::Expire)?;
                self.compare()?;
                self.give_up()?;
            }
        }
        self.report()
    }

    pub(super) fn work(&mut self, place: usize) -> Outcome {
        self.take(place, 8, 8)?;
        // At once: two workers that only ever take could take the same items away from each other for ever.
        while self.model.has_ahead(place) {
            self.claim(place, false)?;
        }
        while !self.model.started(place).is_empty() {
            self.process(place, 1)?;
        }
        Ok(())
    }

    /// After an abort, some settle what they have, and some leave it.
    pub(super) fn give_up(&mut self) -> Outcome {
        for place in 0..self.over.len() {
            if place != 1 || self.leased.is_some() {
                while !self.model.started(place).is_empty() {
                    self.process(place, 1)?;
                }
            }
            if let Some(worker) = self.workers[place].take() {
                worker.consumer.end();
                self.model.ended(place);
            }
            if let Some(consumer) = &mut self.leased {
                consumer.ended();
            }
            self.over[place] = true;
        }
        Ok(())
    }

    pub(super) fn report(mut self) -> Outcome {
        self.compare()?;
        let began = Instant::now();
        let report = loop {
            if let Some(report) = self.system.take_report() {
                break report;
            }
            prop_assert!(began.elapsed() < HANGS, "no report comes");
            std::thread::yield_now();
        };
        prop_assert_eq!(report.stats.state, self.model.state);
        prop_assert_eq!(report.timed_out, self.model.expired);
        prop_assert_eq!(report.abort_reason.is_some(), self.model.state == State::Aborted);
        prop_assert!(report.detached.is_empty() && report.source_failure.is_none());
        let unprocessed: Vec<_> = report.unprocessed.iter().flat_map(Load::ids).collect();
        unprocessed.iter().try_for_each(|id| self.end_of(*id, "unprocessed"))?;
        prop_assert!(self.model.left(&unprocessed), "{:?} is left, with {:?}", unprocessed, self.model);
        prop_assert!(self.fates.keys().copied().eq(1..=self.items_made), "each item has one end: {:?}", self.fates);
        let (stats, of) = (&report.stats, |fate| self.fates.values().filter(|other| **other == fate).count() as u64);
        prop_assert_eq!(stats.processed, of("processed"));
        prop_assert_eq!(stats.dead_lettered, of("dead-lettered"));
        prop_assert_eq!(stats.discarded, of("dropped") + of("unprocessed"));
        prop_assert_eq!(stats.produced, self.items_made - of("refused"));
        prop_assert_eq!(stats.produced, stats.processed + stats.dead_lettered + stats.discarded);
        while self.results.as_ref().is_some_and(|results| !results.is_empty()) {
            self.read(8)?;
        }
        self.read(1)
    }
}
