//! The life of a system: starts, pauses, stops, time-outs, failures of sources, threads that do not end.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use common::{Count, Each, assert_conserved, options};
use millrace_core::system::{Event, Handlers, Notice, Observer, Sources, State, System};
use millrace_core::tasks::{AnyTask, Noop};
use millrace_core::{Emitter, Failure, Halt, Item, Items, SendError, Source, Task, TaskContext};

/// Passes every notice on.
struct Notices(Mutex<Sender<Notice>>);

impl Observer for Notices {
    fn notify(&self, notice: Notice) {
        // A test that has seen enough is gone.
        let _ = self.0.lock().expect("not poisoned").send(notice);
    }
}

fn notices() -> (Notices, Receiver<Notice>) {
    let (sender, receiver) = channel();
    (Notices(Mutex::new(sender)), receiver)
}

#[test]
fn the_observer_hears_of_the_start_the_drain_and_the_end_in_order() {
    let (observer, heard) = notices();
    let system = System::new(
        options(2, 2, 10),
        Sources::native(|index, _| Count::from(index, 10)),
        Handlers::native(|_| Each::new(Ok)),
        observer,
    )
    .expect("valid");
    assert_eq!(system.start_outcome(), None);
    system.start().expect("ready");
    let expected = [Notice::Started, Notice::Draining, Notice::Finished];
    for notice in expected {
        assert_eq!(heard.recv(), Ok(notice));
    }
    assert_eq!(system.start_outcome(), Some(Ok(())));
    let report = system.take_report().expect("finished");
    assert_eq!(report.stats.processed, 20);
    assert!(system.take_report().is_none(), "a report is taken once");
}

#[test]
fn sends_before_the_start_queue_and_a_stop_before_it_gives_them_back() {
    let system = System::new(options(0, 1, 10), Sources::None, Handlers::native(|_| Each::new(Ok)), ()).expect("valid");
    system.send(vec![1, 2, 3]).expect("ready takes items");
    assert_eq!(system.stats().queued, 3);
    system.stop(None);
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.state, State::Stopped);
    assert_eq!(report.unprocessed.concat(), [1, 2, 3]);
    assert_eq!(report.stats.discarded, 3);
    assert_eq!(system.start().expect_err("stopped").event, Event::Start);
    assert!(system.send(vec![4]).is_err());
}

#[test]
fn a_pause_hands_over_nothing_and_a_stop_ends_it() {
    let seen = Arc::new(AtomicU64::new(0));
    let handlers = {
        let seen = Arc::clone(&seen);
        Handlers::native(move |_| {
            let seen = Arc::clone(&seen);
            Each::new(move |n| {
                seen.fetch_add(1, Ordering::SeqCst);
                Ok(n)
            })
        })
    };
    let system = System::new(options(0, 2, 10), Sources::None, handlers, ()).expect("valid");
    assert!(system.pause().is_err(), "not running");
    system.start().expect("ready");
    let turn = system.watch_idle();
    while system.idle_turns() < turn {
        std::thread::yield_now();
    }
    system.pause().expect("running");
    system.send(vec![1; 10]).expect("open");
    assert!(system.port().try_send(vec![1]).is_err(), "the channel is full and stays so");
    assert_eq!((seen.load(Ordering::SeqCst), system.stats().queued), (0, 10));
    system.resume().expect("paused");
    let turn = system.watch_idle();
    while system.idle_turns() < turn {
        std::thread::yield_now();
    }
    assert_eq!(seen.load(Ordering::SeqCst), 10);
    system.pause().expect("running");
    system.send(vec![1; 5]).expect("open");
    system.stop(None);
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.processed, 15);
}

struct Fails(u64);

impl Source<Vec<u64>> for Fails {
    fn run(&mut self, out: &mut Emitter<'_, Vec<u64>>) -> Result<(), Halt> {
        for n in 0..self.0 {
            out.emit(|batch| batch.push(n))?;
        }
        assert_ne!(self.0, 13, "a panic for the test");
        Err(Halt::Failed(Failure::new("ERR_SOURCE", "broken")))
    }
}

#[test]
fn a_source_that_fails_ends_production_and_what_it_produced_is_settled() {
    for (items, code) in [(12, "ERR_SOURCE"), (13, "ERR_MILLRACE_PANIC")] {
        let sources: Sources<Vec<u64>> = Sources::Native(Box::new(move |_| {
            vec![Box::new(Fails(items)) as Box<dyn Source<_>>, Box::new(Count::from(0, u64::MAX))]
        }));
        let system = System::new(options(2, 2, 10), sources, Handlers::native(|_| Each::new(Ok)), ()).expect("valid");
        system.start().expect("ready");
        let report = system.join();
        assert_conserved(&report.stats);
        assert_eq!(report.source_failure.expect("failed").code, code);
        assert_eq!(report.stats.producers[0].items, items, "what it yielded before it failed was produced");
        assert_eq!(report.stats.processed, report.stats.produced);
    }
}

#[test]
fn a_stop_past_its_time_out_dead_letters_what_is_not_settled() {
    let begun = Arc::new(Barrier::new(2));
    let handlers = {
        let begun = Arc::clone(&begun);
        Handlers::native(move |_| Sleeper { begun: Arc::clone(&begun) })
    };
    let system = System::new(options(0, 1, 10), Sources::None, handlers, ()).expect("valid");
    system.start().expect("ready");
    system.send(vec![1, 2, 3]).expect("open");
    begun.wait();
    system.stop(None);
    // A harsher stop escalates.
    system.stop(Some(Duration::from_millis(1)));
    let report = system.join();
    assert_conserved(&report.stats);
    assert!(report.timed_out && report.detached.is_empty());
    assert_eq!((report.stats.state, report.stats.processed, report.stats.dead_lettered), (State::Stopped, 0, 3));
    let letters = system.take_dead_letters();
    assert_eq!(letters.iter().map(|letter| letter.items.len()).sum::<usize>(), 3);
    assert!(letters.iter().all(|letter| letter.failure.code == "ERR_MILLRACE_TIMEOUT"), "{letters:?}");
}

/// Waits at the barrier, then sleeps until it is told to give up.
struct Sleeper {
    begun: Arc<Barrier>,
}

impl Task<Vec<u64>, Vec<u64>> for Sleeper {
    fn handle(
        &mut self,
        _batch: &Vec<u64>,
        _index: usize,
        _results: Option<&mut Vec<u64>>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        self.begun.wait();
        context.sleep(Duration::from_secs(3600))
    }
}

#[test]
fn a_task_that_never_looks_up_is_left_to_itself_and_named() {
    let begun = Arc::new(Barrier::new(2));
    let release = Arc::new(AtomicBool::new(false));
    let handlers = {
        let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
        Handlers::native(move |_| {
            let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
            Each::new(move |n| {
                begun.wait();
                while !release.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                Ok(n)
            })
        })
    };
    let system = System::new(options(0, 1, 10), Sources::None, handlers, ()).expect("valid");
    system.start().expect("ready");
    system.send(vec![1, 2]).expect("open");
    begun.wait();
    system.abort(Failure::aborted("enough"));
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.detached, ["millrace-c0"]);
    assert_eq!((report.stats.dead_lettered, report.stats.discarded), (1, 1));
    assert_eq!(report.unprocessed.concat(), [2]);
    assert_eq!(report.abort_reason.expect("aborted").message, "enough");
    release.store(true, Ordering::Release);
    // Its settlement comes too late to count.
    assert_conserved(&system.stats());
}

#[test]
fn a_send_that_waits_is_taken_while_a_stop_drains_and_later_ones_are_refused() {
    let begun = Arc::new(Barrier::new(2));
    let handlers = {
        let begun = Arc::clone(&begun);
        Handlers::native(move |_| {
            let begun = Arc::clone(&begun);
            Each::new(move |n| {
                if n == 0 {
                    begun.wait();
                    begun.wait();
                }
                Ok(n)
            })
        })
    };
    let system = System::new(options(0, 1, 2), Sources::None, handlers, ()).expect("valid");
    system.start().expect("ready");
    system.send(vec![0]).expect("open");
    begun.wait();
    system.send(vec![1, 2]).expect("there is room for two");
    let waiting = {
        let system = system.clone();
        std::thread::spawn(move || system.send(vec![3, 4, 5]))
    };
    while system.stats().waiting_sends == 0 {
        std::thread::yield_now();
    }
    system.stop(None);
    assert_eq!(system.send(vec![6]), Err(SendError::Closed(vec![6])));
    begun.wait();
    assert_eq!(waiting.join().expect("no panic"), Ok(()));
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.processed, 6);
}

#[test]
fn the_last_handle_aborts_when_it_goes() {
    let dropped = Arc::new(());
    let handlers = {
        let dropped = Arc::clone(&dropped);
        Handlers::native(move |_| {
            let held = Arc::clone(&dropped);
            Each::new(move |n| {
                let _ = &held;
                Ok(n)
            })
        })
    };
    let (observer, heard) = notices();
    let system = System::new(options(2, 2, 10), Sources::native(|_, _| Count::from(0, u64::MAX)), handlers, observer)
        .expect("valid");
    system.start().expect("ready");
    drop(system);
    while heard.recv().expect("the supervisor reports") != Notice::Finished {}
    // The supervisor's own end follows its last notice.
    while Arc::strong_count(&dropped) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_report_says_why_the_system_was_aborted_however_soon_it_comes() {
    for _ in 0..500 {
        // With nobody to wait for the supervisor reports at once, and it is awake.
        let system: System<Vec<u64>, Vec<u64>> =
            System::new(options(0, 1, 10), Sources::None, Handlers::Workers, ()).expect("valid");
        system.start().expect("ready");
        let begun = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                begun.wait();
                while system.pause().is_ok() {}
            });
            begun.wait();
            system.abort(Failure::new("ERR_TEST", "enough"));
        });
        assert_eq!(system.join().abort_reason.map(|reason| reason.code), Some("ERR_TEST".into()));
    }
}

/// Counts reports.
struct Ends(Arc<AtomicU64>);

impl Observer for Ends {
    fn notify(&self, notice: Notice) {
        self.0.fetch_add(u64::from(notice == Notice::Finished), Ordering::Relaxed);
    }
}

#[test]
fn a_system_that_never_started_is_ended_once_by_whoever_is_first() {
    let systems: Vec<_> = (0..5000)
        .map(|_| {
            let ends = Arc::new(AtomicU64::new(0));
            let handlers = Handlers::native(|_| Each::new(Ok));
            let system = System::new(options(0, 1, 10), Sources::None, handlers, Ends(Arc::clone(&ends)));
            (system.expect("valid"), ends)
        })
        .collect();
    let begun = Barrier::new(2);
    let end_all = || {
        begun.wait();
        for (system, _) in &systems {
            system.stop(None);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(end_all);
        end_all();
    });
    for (_, ends) in &systems {
        assert_eq!(ends.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn a_tagged_item_gets_a_reply_of_its_own() {
    let (observer, heard) = notices();
    let handlers: Handlers<Items, Items> = AnyTask::Noop(Noop).into();
    let system: System<Items, Items> =
        System::new(options(0, 2, 10), Sources::None, handlers, observer).expect("valid");
    system.start().expect("ready");
    let mut items: Items = [Item::Number(1.0), Item::Number(2.0), Item::Number(3.0)].into_iter().collect();
    items.set_id(1, 42);
    system.send(items).expect("open");
    while heard.recv().expect("it replies") != Notice::Replies {}
    let replies = system.take_replies();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].tags, [42]);
    assert_eq!(replies[0].outcome.as_ref().expect("processed").get(0), Item::Undefined);
    system.stop(None);
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.processed, 3);
}

#[test]
fn options_out_of_range_are_refused_before_anything_starts() {
    for (producers, consumers, capacity, named) in
        [(0, 1, 10, "producers"), (1, 0, 10, "consumers"), (1, 1, 0, "capacity")]
    {
        let refused = System::new(
            options(producers, consumers, capacity),
            Sources::native(|_, _| Count::from(0, 1)),
            Handlers::native(|_| Each::new(Ok)),
            (),
        );
        let failure = refused.err().expect("invalid");
        assert_eq!(failure.code, "ERR_MILLRACE_INVALID_OPTION");
        assert!(failure.message.starts_with(named), "{failure}");
    }
}
