//! A program under way: each step is done to the system and to the model, and everything that can be looked at is compared.

mod consumers;
mod ends;
pub mod program;
mod sends;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use millrace_core::Failure;
use millrace_core::channel::ChannelOptions;
use millrace_core::system::{
    Backoff, DeadLetter, FailedAttempt, Handlers, LeasedConsumer, Notice, Observer, Port, Retry, Sources, State,
    System, SystemOptions, SystemSend,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::model::{Figures, LONG, Letter, Load, Model, Setup};
use program::{Program, Step};
use worker::Worker;

/// Far above what anything here takes.
const HANGS: Duration = Duration::from_secs(20);

/// As far above what the supervisor takes to act.
const SETTLES: Duration = Duration::from_secs(5);

/// Far above what a release takes that is under way, and below the time after which the supervisor looks by itself: that
/// would hide a send that does not look.
const FREES: Duration = Duration::from_millis(100);

pub type Outcome<T = ()> = Result<T, TestCaseError>;

type AttemptsFailed = Arc<Mutex<Vec<(u64, u32, bool)>>>;

struct Told {
    notices: mpsc::Sender<Notice>,
    attempts: AttemptsFailed,
}

impl Observer for Told {
    fn notify(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }

    fn attempt_failed(&self, attempt: &FailedAttempt<'_>) {
        let item = attempt.item.downcast_ref::<Load>().expect("the system's batch").0[0].id;
        self.attempts.lock().expect("no panic").push((item, attempt.attempt, attempt.retry.is_some()));
    }
}

fn failure() -> Failure {
    Failure::new("ERR_TEST", "it had to fail")
}

/// A program under way.
struct Run {
    model: Model,
    system: System<Load, Vec<u64>>,
    told: mpsc::Receiver<Notice>,
    attempts: AttemptsFailed,
    ports: [Port<Load, Vec<u64>>; 2],
    sends: Vec<(usize, SystemSend<Load, Vec<u64>>)>,
    sends_made: usize,
    workers: Vec<Option<Worker>>,
    leased: Option<LeasedConsumer<Load, Vec<u64>>>,
    /// Numbers of what is leased, in the order of the model's started items.
    numbers: Vec<u32>,
    /// Places that have come to their end.
    over: Vec<bool>,
    items_made: u64,
    /// What became of each item, as the system told.
    fates: BTreeMap<u64, &'static str>,
    letters: Vec<Letter>,
    replies: Vec<(u64, Result<u64, String>)>,
    results: Option<millrace_core::Channel<Vec<u64>>>,
    idle: Vec<(u64, u64)>,
}

impl Run {
    fn new(setup: Setup) -> Self {
        let (notices, told) = mpsc::channel();
        let attempts = AttemptsFailed::default();
        let backoff = Backoff { delay: setup.delay, ..Backoff::default() };
        let options = SystemOptions {
            producers: 0,
            consumers: setup.consumers,
            capacity: setup.capacity,
            results: setup.results,
            retry: Retry { attempts: setup.attempts, deaths: setup.deaths, backoff },
            handler_timeout: None,
            overflow: setup.overflow,
        };
        let channel = ChannelOptions { lanes: setup.lanes, aging: LONG, ..ChannelOptions::new(setup.capacity) };
        let handlers = if setup.workers { Handlers::Workers } else { Handlers::External };
        let observer = Told { notices, attempts: Arc::clone(&attempts) };
        let system = System::with_channel(options, &channel, Sources::None, handlers, observer).expect("valid options");
        system.watch_attempts(true);
        Run {
            model: Model::new(setup),
            told,
            attempts,
            ports: [system.port(), system.port()],
            sends: Vec::new(),
            sends_made: 0,
            workers: (0..setup.consumers).map(|_| None).collect(),
            leased: (!setup.workers).then(|| system.leased_consumer()),
            numbers: Vec::new(),
            over: vec![false; setup.consumers],
            items_made: 0,
            fates: BTreeMap::new(),
            letters: Vec::new(),
            replies: Vec::new(),
            results: system.results(),
            idle: Vec::new(),
            system,
        }
    }

    fn until(&self, wanted: Notice) -> Outcome {
        loop {
            match self.told.recv_timeout(HANGS) {
                Ok(notice) if notice == wanted => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(TestCaseError::fail(format!("{wanted:?} was never told"))),
            }
        }
    }

    fn end_of(&mut self, id: u64, fate: &'static str) -> Outcome {
        let before = self.fates.insert(id, fate);
        prop_assert_eq!(before, None, "item {} is {} too", id, fate);
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Start => self.start()?,
            Step::Send { port, marks } => self.send(*port, marks)?,
            Step::TrySend { port, marks } => self.try_send(*port, marks)?,
            Step::Offer { port, marks } => self.offer(*port, marks)?,
            Step::Cancel(nth) => self.cancel(*nth)?,
            Step::Take { place, max, fits } => self.take(*place % self.over.len(), *max, *fits)?,
            Step::Claim { place, quiet } => self.claim(*place % self.over.len(), *quiet)?,
            Step::Process { place, n } => self.process(*place % self.over.len(), *n)?,
            Step::Fail { place, nth, unrecoverable } => self.fail(*place % self.over.len(), *nth, *unrecoverable)?,
            Step::Die(place) => self.die(*place % self.over.len()),
            Step::Squeeze { port, place } => {
                self.claim(*place % self.over.len(), true)?;
                self.try_send(*port, &vec![(0, 0, false); self.model.room().max(1)])?;
            }
            Step::Flow { port, place, n } => {
                (0..*n).try_for_each(|_| {
                    self.try_send(*port, &[(0, 0, false)])?;
                    self.work(*place % self.over.len())?;
                    // Who leases frees the room by itself.
                    if self.leased.is_none() {
                        self.settle()?;
                    }
                    Ok::<_, TestCaseError>(())
                })?;
            }
            Step::Pause => prop_assert_eq!(self.system.pause().is_ok(), self.model.pause(true)),
            Step::Resume => prop_assert_eq!(self.system.resume().is_ok(), self.model.pause(false)),
            Step::Read(max) => self.read(*max)?,
            Step::Idle => self.idle.push((self.system.watch_idle(), self.items_made)),
            Step::End(end) => self.end(*end)?,
        }
        self.compare()
    }

    fn start(&mut self) -> Outcome {
        prop_assert_eq!(self.system.start().is_ok(), self.model.state == State::Ready);
        if self.model.state == State::Ready {
            self.model.state = State::Running;
            self.until(Notice::Started)?;
        }
        Ok(())
    }

    /// Everything that can be looked at.
    fn compare(&mut self) -> Outcome {
        // Places that no worker has taken end with the last item.
        if self.leased.is_none() && self.model.is_over() {
            let vacant: Vec<_> = self.workers.iter().map(Option::is_none).collect();
            self.over.iter_mut().zip(vacant).for_each(|(over, vacant)| *over |= vacant);
        }
        if !self.model.state.is_final() && !self.over.contains(&false) {
            self.until(Notice::Finished)?;
            self.model.state = State::Stopped;
        }
        if !self.sends.is_empty() && !self.model.broken_off {
            self.settle()?;
        }
        self.look_after_sends()?;
        for letter in self.system.take_dead_letters() {
            self.take_letter(&letter)?;
        }
        prop_assert!(self.model.accept_order(&self.letters), "{:?}, with {:?}", self.letters, self.model);
        prop_assert_eq!(&self.letters, &self.model.letters);
        for reply in self.system.take_replies() {
            match reply.outcome {
                Ok(results) => self.replies.extend(reply.tags.into_iter().zip(results.into_iter().map(Ok))),
                Err(failure) => self.replies.extend(reply.tags.iter().map(|tag| (*tag, Err(failure.code.to_string())))),
            }
        }
        prop_assert_eq!(&self.replies, &self.model.replies);
        prop_assert_eq!(&*self.attempts.lock().expect("no panic"), &self.model.failures);
        self.compare_figures()?;
        if self.model.broken_off {
            return Ok(());
        }
        let done = self.system.idle_turns();
        let unsettled = (1..=self.items_made).find(|id| !self.fates.contains_key(id));
        for (turn, sent) in &self.idle {
            let settled = unsettled.is_none_or(|first| first > *sent);
            prop_assert!(done < *turn || settled, "turn {} is done before item {:?}", turn, unsettled);
            prop_assert!(done >= *turn || !self.model.is_idle(), "turn {} is not done", turn);
        }
        Ok(())
    }

    fn take_letter(&mut self, letter: &DeadLetter<Load>) -> Outcome {
        prop_assert!(letter.first <= letter.last);
        for id in letter.items.ids() {
            self.end_of(id, "dead-lettered")?;
            let DeadLetter { attempts, deaths, .. } = *letter;
            self.letters.push(Letter { id, code: letter.failure.code.to_string(), attempts, deaths });
        }
        Ok(())
    }

    fn compare_figures(&mut self) -> Outcome {
        let stats = self.settle()?;
        let mut figures = Figures {
            queued: stats.queued,
            waiting_sends: stats.waiting_sends,
            produced: stats.produced,
            processed: stats.processed,
            failed_attempts: stats.failed_attempts,
            retrying: stats.retrying,
            dead_lettered: stats.dead_lettered,
            discarded: stats.discarded,
            in_flight: stats.in_flight,
        };
        let expected = self.model.figures();
        let untold = self.model.untold();
        // Room that was claimed and not told is free once somebody needs it, or the supervisor looks.
        if (expected.queued..=expected.queued + untold).contains(&figures.queued) {
            figures.queued = expected.queued;
        }
        prop_assert_eq!(&figures, &expected);
        prop_assert_eq!(stats.state, self.model.state);
        prop_assert!(stats.peak_queued <= stats.capacity);
        let Figures { queued, processed, retrying, dead_lettered, discarded, in_flight, .. } = figures;
        let sum = processed + dead_lettered + discarded + retrying + in_flight + queued + untold;
        prop_assert_eq!(figures.produced, sum, "conservation");
        Ok(())
    }
}

pub fn run(program: &Program) -> Outcome {
    let mut run = Run::new(program.setup);
    if program.setup.starts {
        run.step(&Step::Start)?;
    }
    program.steps.iter().try_for_each(|step| run.step(step))?;
    run.finish(program.end)
}
