//! Items that fail and are tried again: by native tasks, and by consumers outside.
#![cfg(not(loom))]

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use common::{Count, Each, assert_conserved, options, random};
use millrace_core::system::{
    Backoff, DeadLetter, FailedAttempt, Fate, Handlers, Notice, Observer, Report, Retry, Sources, System, SystemOptions,
};
use millrace_core::{Failure, ReceiveError, Task, TaskContext};

fn failure() -> Failure {
    Failure::new("ERR_TEST", "it had to fail")
}

fn retrying(attempts: u32) -> SystemOptions {
    SystemOptions { retry: Retry { attempts, ..Retry::default() }, ..options(3, 3, 50) }
}

type Tries = Arc<Mutex<HashMap<u64, u32>>>;

/// Fails the first `n % 5` attempts at item `n`; how often each was tried is in the map.
fn failing(tries: &Tries, ahead: usize) -> Handlers<Vec<u64>, Vec<u64>> {
    let tries = Arc::clone(tries);
    Handlers::native(move |_| {
        let tries = Arc::clone(&tries);
        Each::ahead(ahead, move |n| {
            let mut tries = tries.lock().expect("no panic");
            let times = tries.entry(n).or_default();
            *times += 1;
            if u64::from(*times) <= n % 5 { Err(failure()) } else { Ok(n) }
        })
    })
}

fn run(
    options: SystemOptions,
    handlers: Handlers<Vec<u64>, Vec<u64>>,
) -> (Report<Vec<u64>>, Vec<DeadLetter<Vec<u64>>>) {
    let system =
        System::new(options, Sources::native(|index, _| Count::from(index, 1000)), handlers, ()).expect("valid");
    system.start().expect("ready");
    let report = system.join();
    (report, system.take_dead_letters())
}

#[test]
fn every_item_is_tried_until_it_succeeds_or_its_attempts_are_used_up() {
    for ahead in [1, 16] {
        let tries = Tries::default();
        let (report, letters) = run(retrying(3), failing(&tries, ahead));
        assert_conserved(&report.stats);
        let failed = |n: u64| n % 5 >= 3;
        let expected = (0..3000).filter(|&n| failed(n)).count() as u64;
        assert_eq!((report.stats.dead_lettered, report.stats.processed), (expected, 3000 - expected));
        let attempts = (0..3000).map(|n| (n % 5).min(3)).sum::<u64>();
        assert_eq!(report.stats.failed_attempts, attempts);
        for (n, times) in &*tries.lock().expect("no panic") {
            assert_eq!(u64::from(*times), (n % 5 + 1).min(3), "item {n}");
        }
        assert!(letters.len() >= 1000 && letters.iter().all(|letter| letter.attempts == 3 && letter.items.len() == 1));
        assert!(letters.iter().all(|letter| letter.first <= letter.last));
    }
}

#[test]
fn an_unrecoverable_failure_ends_an_item_at_once() {
    let tried = Arc::new(AtomicUsize::new(0));
    let handlers = {
        let tried = Arc::clone(&tried);
        Handlers::native(move |_| {
            let tried = Arc::clone(&tried);
            Each::new(move |_| {
                tried.fetch_add(1, Ordering::Relaxed);
                Err(failure().unrecoverable())
            })
        })
    };
    let (report, letters) = run(retrying(10), handlers);
    assert_conserved(&report.stats);
    assert_eq!(tried.load(Ordering::Relaxed), 3000);
    assert!(letters.iter().all(|letter| letter.attempts == 1));
}

#[test]
fn an_item_that_waits_for_its_next_attempt_holds_up_nobody_and_a_stop_waits_for_it() {
    let mut options = retrying(2);
    options.consumers = 1;
    options.retry.backoff = Backoff { delay: Duration::from_millis(50), ..Backoff::default() };
    let order = Arc::new(Mutex::new(Vec::new()));
    let handlers = {
        let order = Arc::clone(&order);
        Handlers::native(move |_| {
            let order = Arc::clone(&order);
            Each::new(move |n| {
                let mut order = order.lock().expect("no panic");
                order.push(n);
                if n == 0 && order.iter().filter(|&&other| other == 0).count() == 1 { Err(failure()) } else { Ok(n) }
            })
        })
    };
    let system = System::new(options, Sources::None, handlers, ()).expect("valid");
    system.start().expect("ready");
    let begin = Instant::now();
    system.send(vec![0, 1, 2]).expect("it runs");
    system.stop(None);
    let report = system.join();
    assert!(begin.elapsed() >= Duration::from_millis(50));
    assert_conserved(&report.stats);
    assert_eq!(*order.lock().expect("no panic"), [0, 1, 2, 0]);
}

#[test]
fn a_stop_past_its_time_out_gives_up_what_waits_and_says_how_often_it_was_tried() {
    let mut options = retrying(5);
    options.retry.backoff = Backoff { delay: Duration::from_secs(3600), ..Backoff::default() };
    let handlers = Handlers::native(|_| Each::new(|_| Err(failure())));
    let system = System::new(options, Sources::None, handlers, ()).expect("valid");
    system.start().expect("ready");
    system.send((0..10).collect()).expect("it runs");
    while system.stats().retrying < 10 {
        std::thread::yield_now();
    }
    assert_conserved(&system.stats());
    system.stop(Some(Duration::from_millis(20)));
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.dead_lettered, 10);
    let letters = system.take_dead_letters();
    assert!(letters.iter().all(|letter| letter.attempts == 1 && letter.failure.code == "ERR_MILLRACE_TIMEOUT"));
}

#[test]
fn no_more_items_wait_for_a_retry_than_the_channel_holds() {
    let mut options = retrying(2);
    options.capacity = 20;
    options.retry.backoff = Backoff { delay: Duration::from_millis(5), ..Backoff::default() };
    let system = System::new(
        options,
        Sources::native(|index, _| Count::from(index, 100)),
        Handlers::native(|_| Each::new(|_| Err(failure()))),
        (),
    )
    .expect("valid");
    system.start().expect("ready");
    let mut most = 0;
    while !system.state().is_final() {
        most = most.max(system.stats().retrying);
    }
    let report = system.join();
    assert_conserved(&report.stats);
    assert_eq!(report.stats.dead_lettered, 300);
    // Three consumers may each have had one more in hand.
    assert!((1..=22).contains(&most), "{most} waited");
}

#[derive(Default, Clone)]
struct Heard {
    attempts: Arc<Mutex<Vec<(u64, u32, bool)>>>,
}

impl Observer for Heard {
    fn notify(&self, _notice: Notice) {}

    fn attempt_failed(&self, attempt: &FailedAttempt<'_>) {
        let item = attempt.item.downcast_ref::<Vec<u64>>().expect("the system's batch")[0];
        self.attempts.lock().expect("no panic").push((item, attempt.attempt, attempt.retry.is_some()));
    }
}

#[test]
fn an_observer_hears_of_failed_attempts_only_while_it_listens() {
    for listens in [false, true] {
        let heard = Heard::default();
        let handlers = Handlers::native(|_| Each::new(|_| Err(failure())));
        let system = System::new(retrying(2), Sources::None, handlers, heard.clone()).expect("valid");
        system.watch_attempts(listens);
        system.start().expect("ready");
        system.send(vec![7]).expect("it runs");
        system.stop(None);
        system.join();
        let expected: &[_] = if listens { &[(7, 1, true), (7, 2, false)] } else { &[] };
        assert_eq!(*heard.attempts.lock().expect("no panic"), expected);
    }
}

#[test]
fn a_consumer_outside_settles_each_item_by_itself_and_nothing_is_lost() {
    let (mut random, seed) = random();
    for round in 0..200 {
        let system: System<Vec<u64>, Vec<u64>> = System::new(
            SystemOptions { retry: Retry { attempts: 3, ..Retry::default() }, ..options(2, 1, 10) },
            Sources::native(|index, _| Count::from(index, 50)),
            Handlers::External,
            (),
        )
        .expect("valid");
        let mut consumer = system.leased_consumer();
        system.start().expect("ready");
        let aborted_at = (round % 4 == 0).then(|| random.usize(..150));
        let mut tries: HashMap<u64, u32> = HashMap::new();
        let (mut held, mut letters, mut taken): (Vec<(u32, u64)>, u64, usize) = (Vec::new(), 0, 0);
        let mut context = Context::from_waker(Waker::noop());
        let mut over = false;
        while !over || !held.is_empty() {
            if !over && (held.is_empty() || random.bool()) {
                match consumer.poll_take(&mut context) {
                    Poll::Ready(Ok(number)) => {
                        let (batch, attempt) = consumer.item(number).expect("it is held");
                        let n = batch[0];
                        let times = tries.entry(n).or_default();
                        *times += 1;
                        assert_eq!(attempt, *times, "seed {seed}: item {n}");
                        held.push((number, n));
                        taken += 1;
                        if aborted_at == Some(taken) {
                            system.abort(Failure::new("ERR_TEST", "enough"));
                        }
                    }
                    Poll::Ready(Err(ReceiveError::Closed | ReceiveError::Aborted)) => over = true,
                    Poll::Pending => std::thread::yield_now(),
                }
                continue;
            }
            let (number, _) = held.swap_remove(random.usize(..held.len()));
            if random.bool() {
                assert!(consumer.processed(number));
            } else if let Some(Fate::GivenUp(letter)) = consumer.failed(number, failure()) {
                letters += 1;
                assert!(letter.attempts == 3 || aborted_at.is_some(), "seed {seed}: {letter:?}");
            }
            assert!(!consumer.processed(number) && consumer.failed(number, failure()).is_none());
        }
        consumer.ended();
        let report = system.join();
        assert_conserved(&report.stats);
        assert_eq!(report.stats.dead_lettered, letters, "seed {seed}");
        if aborted_at.is_none() {
            assert_eq!(report.stats.processed + letters, 100, "seed {seed}");
        }
    }
}

/// Sleeps for an hour.
struct Sleepy;

impl Task<Vec<u64>, Vec<u64>> for Sleepy {
    fn handle(
        &mut self,
        _batch: &Vec<u64>,
        _index: usize,
        _results: Option<&mut Vec<u64>>,
        context: &TaskContext<'_>,
    ) -> Result<(), Failure> {
        context.sleep(Duration::from_secs(3600))
    }
}

#[test]
fn a_task_that_takes_too_long_fails_its_attempt() {
    let mut limited = retrying(2);
    limited.handler_timeout = Some(Duration::from_millis(10));
    let system: System<Vec<u64>, Vec<u64>> =
        System::new(limited, Sources::None, Handlers::native(|_| Sleepy), ()).expect("valid");
    system.start().expect("ready");
    system.send(vec![1]).expect("it runs");
    system.stop(None);
    let report = system.join();
    assert_conserved(&report.stats);
    let letters = system.take_dead_letters();
    assert_eq!((letters[0].attempts, &*letters[0].failure.code), (2, "ERR_MILLRACE_HANDLER_TIMEOUT"));
}
