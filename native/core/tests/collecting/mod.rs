//! Runs sources without a system: what they send is collected.

#![allow(dead_code, reason = "each test uses its part of it")]

use std::sync::atomic::{AtomicBool, Ordering};

use millrace_core::{Batch, Emitter, Failure, Halt, Item, Items, Outlet, Source};

/// What one producer sent and rejected, and how it ended.
#[derive(Debug)]
pub struct Outcome {
    pub batches: Vec<Items>,
    pub rejected: Vec<(Items, Failure)>,
    pub result: Result<(), Halt>,
}

impl Outcome {
    /// The text and bytes of all items sent.
    pub fn texts(&self) -> Vec<Vec<u8>> {
        self.batches.iter().flat_map(|batch| batch.iter().map(|item| text(&item))).collect()
    }

    /// The numbers sent.
    pub fn numbers(&self) -> Vec<f64> {
        self.batches.iter().flat_map(|batch| batch.iter().map(|item| number(&item))).collect()
    }
}

pub fn text(item: &Item<'_>) -> Vec<u8> {
    match item {
        Item::Text(bytes) | Item::Bytes(bytes) => bytes.to_vec(),
        other => panic!("text or bytes, and not {other:?}"),
    }
}

pub fn number(item: &Item<'_>) -> f64 {
    match item {
        Item::Number(value) => *value,
        other => panic!("a number, and not {other:?}"),
    }
}

/// Keeps what is sent. `on_send` sees each batch first, and says whether it goes on.
struct Collector<'a> {
    batches: Vec<Items>,
    rejected: Vec<(Items, Failure)>,
    stop: &'a AtomicBool,
    on_send: &'a mut dyn FnMut(&Items),
}

impl Outlet<Items> for Collector<'_> {
    fn send(&mut self, batch: Items) -> Result<(), Halt> {
        assert!(!batch.is_empty(), "an empty batch was sent");
        (self.on_send)(&batch);
        if self.stopping() {
            return Err(Halt::Stopped);
        }
        self.batches.push(batch);
        Ok(())
    }

    fn forward(&mut self, batch: Items) -> Result<(), (Halt, Items)> {
        self.send(batch).map_err(|halt| (halt, Items::default()))
    }

    fn reject(&mut self, batch: Items, failure: Failure) {
        self.rejected.push((batch, failure));
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Runs one source, with batches of at most `limit`, until it ends or `stop` is set.
pub fn run_until(
    source: &mut dyn Source<Items>,
    limit: usize,
    stop: &AtomicBool,
    mut on_send: impl FnMut(&Items),
) -> Outcome {
    let mut collector = Collector { batches: Vec::new(), rejected: Vec::new(), stop, on_send: &mut on_send };
    let mut out = Emitter::new(&mut collector, limit, 0, 1);
    let mut result = source.run(&mut out);
    if result.is_ok() {
        result = out.flush();
    }
    Outcome { batches: collector.batches, rejected: collector.rejected, result }
}

/// Runs one source to its end.
pub fn run(source: &mut dyn Source<Items>, limit: usize) -> Outcome {
    run_until(source, limit, &AtomicBool::new(false), |_| {})
}

/// Runs all sources at once, each in a thread of its own, to their end.
pub fn run_all<S: Source<Items>>(sources: Vec<S>, limit: usize) -> Vec<Outcome> {
    std::thread::scope(|scope| {
        let threads =
            sources.into_iter().map(|mut source| scope.spawn(move || run(&mut source, limit))).collect::<Vec<_>>();
        threads.into_iter().map(|thread| thread.join().expect("a source that does not panic")).collect()
    })
}
