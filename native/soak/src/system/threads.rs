//! The threads around a system: who sends, pauses, reads results and dead letters, and ends it.

use std::thread;
use std::time::Duration;

use fastrand::Rng;
use millrace_core::channel::Cancelled;
use millrace_core::system::{DeadLetter, Port, Report, System};
use millrace_core::{Channel, Failure, Items, SendError, TrySendError};

use super::Round;
use super::shape::End;
use crate::futures::{block_on, poll_future};
use crate::ledger::Stream;
use crate::load::Load;
use crate::tally::Tally;

/// What the threads leave behind.
pub struct History {
    pub report: Report<Items>,
    pub sent: Vec<(Stream, Tally)>,
    /// What came as results, and whether the reader broke off.
    pub results: Option<(Vec<u64>, bool)>,
    pub letters: Vec<DeadLetter<Items>>,
}

/// Plays the round to its end. Nothing, where a thread panicked.
pub fn run(round: &Round, system: &System<Items, Items>, rng: &mut Rng) -> Option<History> {
    let shape = &round.shape;
    thread::scope(|scope| {
        let senders: Vec<_> = (0..shape.senders)
            .map(|index| {
                let rng = rng.fork();
                scope.spawn(move || {
                    let sent = Sender::new(round, system, index, rng).run();
                    round.sender_ended();
                    sent
                })
            })
            .collect();
        let reader = system.results().map(|results| scope.spawn(move || read(round, system, &results)));
        let letters = scope.spawn(move || take_letters(round, system));
        let pauser = {
            let rng = rng.fork();
            scope.spawn(move || pause(round, system, rng))
        };
        let enders: Vec<_> = (0..shape.enders)
            .map(|_| {
                let rng = rng.fork();
                scope.spawn(move || end(round, system, rng))
            })
            .collect();
        let report = system.join();
        // All of them are joined before any panic counts: the others are not to be left behind.
        let sent: Vec<_> = senders.into_iter().map(|thread| thread.join().ok()).collect();
        let results = reader.map(|thread| thread.join().ok());
        let letters = letters.join().ok();
        let others: Vec<_> = enders.into_iter().chain([pauser]).map(|thread| thread.join().ok()).collect();
        others.into_iter().collect::<Option<Vec<()>>>()?;
        Some(History {
            report,
            sent: sent.into_iter().collect::<Option<_>>()?,
            results: match results {
                Some(results) => Some(results?),
                None => None,
            },
            letters: letters?,
        })
    })
}

fn end(round: &Round, system: &System<Items, Items>, mut rng: Rng) {
    round.ending.pass();
    let reason = || Failure::aborted("the soak");
    match round.shape.end {
        // Without sources nothing else would end it.
        End::Exhausted if round.shape.options.producers > 0 => {}
        End::Exhausted | End::Stop => system.stop(None),
        End::Timeout(timeout) => system.stop(Some(timeout)),
        End::StopAndAbort => {
            system.stop(None);
            (0..rng.u32(0..50)).for_each(|_| thread::yield_now());
            system.abort(reason());
        }
        End::Abort => system.abort(reason()),
    }
}

/// Pauses and resumes; a pause is refused once the end has come.
fn pause(round: &Round, system: &System<Items, Items>, mut rng: Rng) {
    for _ in 0..round.shape.pauses {
        (0..rng.u32(0..100)).for_each(|_| thread::yield_now());
        if system.pause().is_err() {
            break;
        }
        (0..rng.u32(0..20)).for_each(|_| thread::yield_now());
        if system.resume().is_err() {
            break;
        }
    }
}

fn read(round: &Round, system: &System<Items, Items>, results: &Channel<Items>) -> (Vec<u64>, bool) {
    let mut read = Vec::new();
    while let Ok(batch) = results.receive(64) {
        read.extend(batch.ids());
        if round.shape.breaks_off.is_some_and(|after| read.len() > after) {
            system.end_results();
            return (read, true);
        }
    }
    (read, false)
}

/// Takes dead letters, so that nobody waits for that, until the system is over.
fn take_letters(round: &Round, system: &System<Items, Items>) -> Vec<DeadLetter<Items>> {
    let mut letters = Vec::new();
    loop {
        // In this order: what comes before the report is taken.
        let over = round.over.is_open();
        let taken = system.take_dead_letters();
        if round.shape.letters.is_some() {
            system.keep_dead_letters(-taken.len().cast_signed());
        }
        letters.extend(taken);
        if over {
            return letters;
        }
        round.over.pass_for(Duration::from_micros(200));
    }
}

/// Sends from outside, by the system and by a port.
struct Sender<'a> {
    round: &'a Round,
    system: &'a System<Items, Items>,
    port: Port<Items, Items>,
    rng: Rng,
    stream: Stream,
    tally: Tally,
}

impl<'a> Sender<'a> {
    fn new(round: &'a Round, system: &'a System<Items, Items>, index: usize, rng: Rng) -> Self {
        let stream = Stream::new(2 * round.shape.options.producers + index);
        Sender { round, system, port: system.port(), rng, stream, tally: Tally::default() }
    }

    fn run(mut self) -> (Stream, Tally) {
        let shape = &self.round.shape;
        while self.stream.made() < shape.sends {
            let n = self.rng.usize(1..=shape.largest).min(shape.sends - self.stream.made());
            let first = self.stream.make(n);
            let batch = Items::made(self.stream.number, first, n, self.round.marks());
            let (over, rest) = self.send(batch);
            self.stream.settle(first, n, &rest, &mut self.tally);
            if over {
                break;
            }
        }
        (self.stream, self.tally)
    }

    /// Sends a batch in one way or another. Gives whether the system takes no more, and what came back.
    fn send(&mut self, batch: Items) -> (bool, Vec<u64>) {
        let outcome = match self.rng.u8(0..4) {
            0 => self.system.send(batch),
            1 => match self.port.try_send(batch) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(rest)) => return (false, rest.ids()),
                Err(TrySendError::Closed(rest) | TrySendError::Aborted(rest)) => return (true, rest.ids()),
            },
            2 => self.port.send(batch).and_then(block_on),
            _ => match self.port.send(batch) {
                Ok(mut sending) => match poll_future(self.rng.usize(1..5), &mut sending) {
                    Some(outcome) => outcome,
                    None => match sending.cancel() {
                        Cancelled::Over(outcome) => outcome,
                        Cancelled::Rest(rest) => {
                            self.tally.cancelled_waits += 1;
                            return (false, rest.ids());
                        }
                    },
                },
                Err(refused) => Err(refused),
            },
        };
        match outcome {
            Ok(()) => (false, Vec::new()),
            Err(SendError::Closed(rest) | SendError::Aborted(rest)) => (true, rest.ids()),
        }
    }
}
