//! A source that emits, rejects, sleeps, and may fail or panic.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
use millrace_core::{Emitter, Failure, Halt, Items, Source};

use super::Round;
use super::shape::SourceEnd;
use crate::ledger::id;
use crate::load::Load;

pub struct Ids {
    pub round: Arc<Round>,
    pub index: usize,
    pub rng: Rng,
}

impl Source<Items> for Ids {
    fn run(&mut self, out: &mut Emitter<'_, Items>) -> Result<(), Halt> {
        let round = Arc::clone(&self.round);
        let shape = &round.shape;
        // What fails does so somewhere on the way.
        let end = if shape.source_end == SourceEnd::Done { shape.items } else { self.rng.usize(0..=shape.items) };
        for n in 0..end {
            // Before the emission: what it sends may be handled at once.
            round.emitted[self.index].store(n + 1, Ordering::Release);
            out.emit(|batch| batch.add(id(2 * self.index, n), round.marks()))?;
            match self.rng.u16(0..512) {
                0 => out.flush()?,
                1 => out.check()?,
                2 => out.sleep(Duration::from_micros(self.rng.u64(0..50)))?,
                3 => {
                    let rejected = round.rejected[self.index].fetch_add(1, Ordering::AcqRel);
                    let failure = Failure::new("ERR_SOAK", "rejected");
                    out.reject(|batch| batch.add(id(2 * self.index + 1, rejected), round.marks()), failure);
                }
                _ => {}
            }
        }
        match shape.source_end {
            SourceEnd::Done => Ok(()),
            SourceEnd::Fails => Err(Failure::new("ERR_SOAK", "the source fails").into()),
            // Without the hook, which would print it.
            SourceEnd::Panics => resume_unwind(Box::new("the source panics")),
        }
    }
}
