//! A task that does with each item what its plan says, and notes it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use millrace_core::{Failure, Items, Task, TaskContext};

use super::Round;
use super::shape::Plan;
use crate::ledger::parts;
use crate::load::Load;
use crate::tally::Tally;

/// What the tasks of a round have noted.
#[derive(Debug, Default)]
pub struct Handled {
    pub processed: Vec<u64>,
    /// Attempts that failed.
    pub failed: u64,
    pub tally: Tally,
}

pub struct ByPlan {
    round: Arc<Round>,
    rng: Rng,
    handled: Handled,
}

impl ByPlan {
    pub fn new(round: Arc<Round>, rng: Rng) -> Self {
        ByPlan { round, rng, handled: Handled::default() }
    }

    /// Attempt `attempt` at an item.
    fn attempt(
        &mut self,
        id: u64,
        attempt: u32,
        results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        match self.rng.u16(0..1024) {
            0 => context.sleep(Duration::from_micros(self.rng.u64(0..100)))?,
            1 => std::thread::yield_now(),
            2 => context.check()?,
            _ => {}
        }
        let plan = self.round.shape.plan(id);
        let fails = match plan {
            Plan::Succeed => false,
            Plan::Fail(n) | Plan::Panic(n) => attempt <= n,
            Plan::Unrecoverable => true,
        };
        if let Some(results) = results
            && (!fails || self.rng.bool())
        {
            // What a failed attempt wrote is nobody's result.
            results.push_number(if fails { f64::NAN } else { id as f64 });
        }
        match plan {
            _ if !fails => Ok(()),
            Plan::Unrecoverable => Err(Failure::new("ERR_SOAK", "it is of no use").unrecoverable()),
            // Without the hook, which would print it.
            Plan::Panic(_) => resume_unwind(Box::new("the handler panics")),
            Plan::Fail(_) | Plan::Succeed => Err(Failure::new("ERR_SOAK", "it fails")),
        }
    }
}

impl Task<Items, Items> for ByPlan {
    fn prefetch(&self) -> usize {
        self.round.shape.prefetch
    }

    fn handle(
        &mut self,
        batch: &Items,
        index: usize,
        results: Option<&mut Items>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        let round = Arc::clone(&self.round);
        let id = batch.id_at(index);
        let (stream, n) = parts(id);
        let Some(tried) = round.tried.get(stream).and_then(|stream| stream.get(n)) else {
            self.handled.tally.expect(false, || format!("item {id:#x} came to a handler, and was never made"));
            return Ok(());
        };
        let attempt = u32::from(tried.fetch_add(1, Ordering::AcqRel)) + 1;
        round.attempted();
        let key = round.marks().key(id) as usize;
        if key > 0 {
            let out = round.keys[key].swap(true, Ordering::AcqRel);
            self.handled.tally.expect(!out, || format!("two items of key {key} are handled at once"));
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.attempt(id, attempt, results, context)));
        if key > 0 {
            round.keys[key].store(false, Ordering::Release);
        }
        match outcome {
            Ok(Ok(())) => {
                self.handled.processed.push(id);
                Ok(())
            }
            Ok(Err(failure)) => {
                self.handled.failed += 1;
                Err(failure)
            }
            Err(panic) => {
                self.handled.failed += 1;
                resume_unwind(panic)
            }
        }
    }
}

impl Drop for ByPlan {
    fn drop(&mut self) {
        let handled = std::mem::take(&mut self.handled);
        self.round.handled.lock().unwrap_or_else(PoisonError::into_inner).push(handled);
    }
}
