//! Ours: the system that `sequence({ of: 'number' })` and a native handler make, statistics and all.

use std::sync::{Arc, Mutex, PoisonError};

use millrace_core::sources::{AnySource, Sequence, SequenceItem, SequenceOptions};
use millrace_core::system::{Handlers, System, SystemOptions};
use millrace_core::{Failure, Items, Task, TaskContext};

use crate::{Arrived, Shape};

/// Adds numbers up, and into the total when its thread ends.
struct Sum {
    arrived: Arrived,
    total: Arc<Mutex<Arrived>>,
}

impl Task<Items, Items> for Sum {
    fn prefetch(&self) -> usize {
        crate::BATCH
    }

    #[inline]
    fn handle(
        &mut self,
        batch: &Items,
        index: usize,
        _results: Option<&mut Items>,
        _context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        match batch.as_numbers() {
            Some(numbers) => self.arrived.add(numbers[index]),
            None => return Err(Failure::new("ERR_BENCHMARK", "expected numbers")),
        }
        Ok(())
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        *total = total.and(self.arrived);
    }
}

pub fn run(shape: Shape) -> Result<Arrived, String> {
    let plan =
        Sequence::new(SequenceOptions { of: SequenceItem::Number, limit: Some(shape.items), ..Default::default() })
            .map_err(|error| error.to_string())?;
    let total = Arc::new(Mutex::new(Arrived::default()));
    let handlers = {
        let total = Arc::clone(&total);
        Handlers::native(move |_| Sum { arrived: Arrived::default(), total: Arc::clone(&total) })
    };
    let Shape { producers, consumers, capacity, .. } = shape;
    let options = SystemOptions { producers, consumers, capacity, results: false, ..SystemOptions::default() };
    let system =
        System::new(options, AnySource::Sequence(plan).into(), handlers, ()).map_err(|error| error.to_string())?;
    system.start().map_err(|error| error.to_string())?;
    let report = system.join();
    let arrived = *total.lock().unwrap_or_else(PoisonError::into_inner);
    if report.stats.processed != arrived.count {
        return Err(format!("expected {} items processed, got {}", arrived.count, report.stats.processed));
    }
    Ok(arrived)
}
