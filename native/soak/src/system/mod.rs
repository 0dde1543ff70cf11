//! A round on a system: sources, senders outside, tasks that fail and panic, pauses, then an end, then the account.

mod account;
mod shape;
mod source;
mod task;
mod threads;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use millrace_core::Items;
use millrace_core::system::{Handlers, Notice, Observer, Sources, System};

use crate::gate::Gate;
use crate::load::Marks;
use crate::tally::{Fault, Tally};
use shape::Shape;
use source::Ids;
use task::{ByPlan, Handled};

/// What the threads of a round share.
struct Round {
    shape: Shape,
    /// How many items each source has emitted, and rejected.
    emitted: Vec<AtomicUsize>,
    rejected: Vec<AtomicUsize>,
    /// How often each item was tried, by stream.
    tried: Vec<Vec<AtomicU8>>,
    attempts: AtomicUsize,
    senders_left: AtomicUsize,
    /// For each key, whether an item of it is being handled.
    keys: Vec<AtomicBool>,
    handled: Mutex<Vec<Handled>>,
    /// Opens when it is time for the end.
    ending: Gate,
    /// Opens with the report.
    over: Gate,
}

impl Round {
    fn marks(&self) -> Marks {
        self.shape.marks
    }

    fn attempted(&self) {
        if self.attempts.fetch_add(1, Ordering::Relaxed) == self.shape.after {
            self.ending.open();
        }
    }

    fn sender_ended(&self) {
        if self.senders_left.fetch_sub(1, Ordering::AcqRel) == 1 && self.shape.options.producers == 0 {
            self.ending.open();
        }
    }
}

/// Opens the gates.
struct Watch(Arc<Round>);

impl Observer for Watch {
    fn notify(&self, notice: Notice) {
        match notice {
            Notice::Draining | Notice::BrokenOff => self.0.ending.open(),
            Notice::Finished => {
                self.0.ending.open();
                self.0.over.open();
            }
            _ => {}
        }
    }
}

/// Plays the round that `rng` draws.
pub fn round(rng: &mut Rng) -> Tally {
    let shape = Shape::draw(rng);
    let counts = |n| (0..n).map(|_| AtomicUsize::new(0)).collect();
    let round = Arc::new(Round {
        emitted: counts(shape.options.producers),
        rejected: counts(shape.options.producers),
        tried: (0..shape.streams()).map(|_| (0..shape.most()).map(|_| AtomicU8::new(0)).collect()).collect(),
        attempts: AtomicUsize::new(0),
        senders_left: AtomicUsize::new(shape.senders),
        keys: (0..=shape.marks.keys).map(|_| AtomicBool::new(false)).collect(),
        handled: Mutex::default(),
        ending: Gate::default(),
        over: Gate::default(),
        shape,
    });
    let mut tally = Tally::default();
    match system(&round, rng) {
        Ok(system) => match threads::run(&round, &system, rng) {
            Some(history) => account::settle(&round, &system, history, &mut tally),
            None => tally.fault(Fault::Wrong, 1, || "a thread panicked; its message is on stderr".to_owned()),
        },
        Err(message) => tally.fault(Fault::Wrong, 1, || message),
    }
    tally
}

fn system(round: &Arc<Round>, rng: &mut Rng) -> Result<System<Items, Items>, String> {
    let shape = &round.shape;
    let sources = if shape.options.producers == 0 {
        Sources::None
    } else {
        let (round, mut rng) = (Arc::clone(round), rng.fork());
        Sources::native(move |index, _| Ids { round: Arc::clone(&round), index, rng: rng.fork() })
    };
    let handlers = {
        let (round, mut rng) = (Arc::clone(round), rng.fork());
        Handlers::native(move |_| ByPlan::new(Arc::clone(&round), rng.fork()))
    };
    let observer = Watch(Arc::clone(round));
    let system = System::with_channel(shape.options, &shape.channel(), sources, handlers, observer)
        .map_err(|error| error.to_string())?;
    system.watch_dead_letters(true);
    if let Some(limit) = shape.letters {
        system.limit_dead_letters(limit);
    }
    system.start().map_err(|error| error.to_string())?;
    Ok(system)
}
