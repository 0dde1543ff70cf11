//! Consumers in threads that may die.
#![cfg(not(loom))]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use millrace_core::channel::ClaimWord;
use millrace_core::system::{Handlers, Notice, Observer, Report, Sources, System, SystemOptions, WorkerConsumer};
use millrace_core::{Channel, Failure, ReceiveError};

type Numbers = Vec<u64>;

const LIMIT: u32 = 1 << 16;

/// A worker as JavaScript is one: it claims in the word, and settles what it claimed.
struct Worker {
    consumer: Option<WorkerConsumer<Numbers, Numbers>>,
    items: Numbers,
    at: usize,
    word: Box<AtomicU32>,
}

/// The thread that all say they are on.
const THREAD: u32 = 7;

impl Worker {
    fn new(system: &System<Numbers, Numbers>, index: usize) -> Self {
        let word = Box::new(AtomicU32::new(0));
        // SAFETY: fields are dropped in order, so the word outlives the consumer.
        let claims = unsafe { ClaimWord::new(NonNull::from(&*word).cast()) };
        let consumer = system.worker_consumer(index, THREAD, claims).expect("the place is vacant");
        Worker { consumer: Some(consumer), items: Vec::new(), at: 0, word }
    }

    fn consumer(&mut self) -> &mut WorkerConsumer<Numbers, Numbers> {
        self.consumer.as_mut().expect("it lives")
    }

    fn take(&mut self, max: usize) -> Poll<Result<(), ReceiveError>> {
        let mut context = Context::from_waker(Waker::noop());
        self.consumer().claimed();
        let batch = match self.consumer().poll_take(&mut context, max) {
            Poll::Ready(Ok(batch)) => batch,
            Poll::Ready(Err(end)) => return Poll::Ready(Err(end)),
            Poll::Pending => return Poll::Pending,
        };
        self.items.clone_from(batch.items());
        self.at = 0;
        self.consumer().publish(vec![batch]);
        Poll::Ready(Ok(()))
    }

    fn claim(&mut self) -> Option<u64> {
        let now = self.word.fetch_add(1, Ordering::AcqRel);
        if now % LIMIT >= now / LIMIT {
            return None;
        }
        self.at += 1;
        Some(self.items[self.at - 1])
    }

    /// The next item, wherever it comes from; nothing at the end.
    fn next(&mut self) -> Option<u64> {
        loop {
            if let Some(item) = self.claim() {
                return Some(item);
            }
            match self.take(8) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return None,
                Poll::Pending => std::thread::yield_now(),
            }
        }
    }

    fn settle(&mut self, result: u64) {
        self.settle_after(Duration::ZERO, result);
    }

    fn settle_after(&mut self, busy: Duration, result: u64) {
        self.consumer().claimed();
        self.consumer().processed(1, busy, vec![result], |_| true);
    }

    /// Takes the next item alone and settles it.
    fn handle(&mut self, busy: Duration) {
        assert!(matches!(self.take(1), Poll::Ready(Ok(()))));
        let item = self.claim().expect("nobody else takes any");
        self.settle_after(busy, item);
    }

    fn end(&mut self) {
        self.consumer.take().expect("it lives").end();
    }
}

fn system(consumers: usize, capacity: usize, results: bool) -> System<Numbers, Numbers> {
    watched_system(consumers, capacity, results, ())
}

fn watched_system(
    consumers: usize,
    capacity: usize,
    results: bool,
    observer: impl Observer + 'static,
) -> System<Numbers, Numbers> {
    let options = SystemOptions { producers: 0, consumers, capacity, results, ..SystemOptions::default() };
    let system = System::new(options, Sources::None, Handlers::Workers, observer).expect("valid options");
    system.start().expect("ready");
    system
}

fn assert_conservation(report: &Report<Numbers>) {
    let stats = &report.stats;
    assert_eq!((stats.queued, stats.in_flight), (0, 0));
    assert_eq!(stats.produced, stats.processed + stats.dead_lettered + stats.discarded);
}

#[test]
fn a_dead_worker_loses_nothing_and_only_what_it_had_begun_gains_a_death() {
    let system = system(2, 10, false);
    system.port().try_send((0..6).collect()).expect("room");
    let mut first = Worker::new(&system, 0);
    assert_eq!(first.next(), Some(0));
    first.settle(0);
    assert_eq!(first.next(), Some(1));
    drop(first);

    let mut second = Worker::new(&system, 1);
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(batch)) = second.consumer().poll_take(&mut context, 8) else { panic!("1 came back") };
    assert_eq!((batch.items(), batch.is_suspect(), batch.attempt()), (&vec![1], true, 2));
    second.consumer().put_back(batch);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let item = second.next().expect("it is there");
        seen.push(item);
        second.settle(item);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    system.stop(None);
    assert_eq!(second.next(), None);
    second.end();
    assert!(!system.needs_worker(0), "nothing is left for it");
    let report = system.join();
    assert_eq!((report.stats.processed, report.stats.dead_lettered, report.stats.failed_attempts), (6, 0, 1));
    assert_conservation(&report);
}

#[test]
fn an_item_in_hand_takes_no_room() {
    let system = system(2, 1, false);
    let port = system.port();
    port.try_send(vec![0]).expect("room");
    let mut worker = Worker::new(&system, 0);
    assert_eq!(worker.next(), Some(0));
    port.try_send(vec![1]).expect("the first has left the channel");
    let stats = system.stats();
    assert_eq!((stats.queued, stats.in_flight), (1, 1));
    worker.settle(0);
    assert_eq!(worker.next(), Some(1));
    worker.settle(1);
    system.stop(None);
    assert_eq!(worker.next(), None);
    worker.end();
    assert!(!system.needs_worker(1));
    assert_conservation(&system.join());
}

#[test]
fn an_item_that_kills_its_workers_is_given_up() {
    let system = system(1, 10, false);
    system.port().try_send(vec![7, 8]).expect("room");
    for _ in 0..2 {
        assert!(system.needs_worker(0));
        let mut worker = Worker::new(&system, 0);
        assert_eq!(worker.next(), Some(7));
        drop(worker);
    }
    let letters = system.take_dead_letters();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((&letter.items, letter.attempts, letter.deaths), (&vec![7], 2, 2));
    assert_eq!(letter.failure.code, "ERR_MILLRACE_WORKER_DIED");
    assert_eq!(letter.failure.thread, Some(THREAD));
    let mut worker = Worker::new(&system, 0);
    assert_eq!(worker.next(), Some(8));
    worker.settle(8);
    system.stop(None);
    assert_eq!(worker.next(), None);
    worker.end();
    assert_conservation(&system.join());
}

#[test]
fn results_are_in_order_and_a_reader_that_is_slow_holds_up_the_worker() {
    let system = system(1, 2, true);
    let results = system.results().expect("wanted");
    let port = system.port();
    let mut sends = Vec::new();
    for item in 0..6 {
        sends.push(port.send(vec![item]).expect("open"));
    }
    let mut worker = Worker::new(&system, 0);
    let mut handled = 0;
    for _ in 0..20 {
        if let Poll::Ready(Ok(())) = worker.take(1) {
            let item = worker.claim().expect("nobody else takes any");
            worker.settle(item * 10);
            handled += 1;
        }
    }
    assert_eq!(handled, 3, "two results fit, and one waits");
    assert_eq!(results.try_receive(1), Ok(vec![0]));
    let item = worker.next().expect("there is room again");
    worker.settle(item * 10);
    drop(worker);
    let mut got = Vec::new();
    while let Ok(batch) = results.try_receive(1) {
        got.extend(batch);
    }
    assert_eq!(got, [10, 20, 30], "what a dead worker had settled stays settled");
    system.abort(Failure::new("ERR_TEST", "enough"));
    drop(sends);
    let report = system.join();
    assert_conservation(&report);
}

/// Whatever there is, each result as it was told.
fn told(results: &Channel<Numbers>) -> Vec<Numbers> {
    std::iter::from_fn(|| results.try_receive(100).ok()).collect()
}

#[test]
fn results_of_short_items_are_told_together_while_there_is_more_to_do() {
    let system = system(2, 10, true);
    let results = system.results().expect("wanted");
    system.port().try_send((0..6).collect()).expect("room");
    let mut worker = Worker::new(&system, 0);
    worker.handle(Duration::ZERO);
    worker.handle(Duration::ZERO);
    assert_eq!(told(&results), [[]; 0], "4 items are left for 2 consumers");
    worker.handle(Duration::ZERO);
    assert_eq!(told(&results).concat(), [0, 1, 2], "not enough is left");
    worker.handle(Duration::from_secs(1));
    assert_eq!(told(&results).concat(), [3], "the next may take as long");
    system.port().try_send((6..10).collect()).expect("room");
    worker.handle(Duration::ZERO);
    worker.consumer().tell();
    assert_eq!(told(&results).concat(), [4], "it was asked");
    worker.handle(Duration::ZERO);
    drop(worker);
    assert_eq!(told(&results).concat(), [5], "it died");
    system.abort(Failure::new("ERR_TEST", "enough"));
    assert_conservation(&system.join());
}

#[test]
fn a_worker_that_finds_nothing_more_tells_of_its_results() {
    let system = system(1, 10, true);
    let results = system.results().expect("wanted");
    system.port().try_send(vec![0, 1, 2]).expect("room");
    let mut worker = Worker::new(&system, 0);
    worker.handle(Duration::ZERO);
    assert_eq!(told(&results), [[]; 0]);
    system.pause().expect("it runs");
    while worker.take(1).is_ready() {}
    assert_eq!(told(&results).concat(), [0]);
    system.abort(Failure::new("ERR_TEST", "enough"));
    worker.end();
    assert_conservation(&system.join());
}

#[test]
fn a_system_is_not_idle_while_results_are_held_back() {
    let system = system(2, 10, true);
    let results = system.results().expect("wanted");
    system.port().try_send((0..6).collect()).expect("room");
    let (mut holder, mut other) = (Worker::new(&system, 0), Worker::new(&system, 1));
    holder.handle(Duration::ZERO);
    (0..5).for_each(|_| other.handle(Duration::ZERO));
    assert_eq!(told(&results).concat(), [1, 2, 3, 4, 5]);
    let turn = system.watch_idle();
    assert!(system.idle_turns() < turn, "whoever waits for the sixth would let the process end");
    holder.consumer().tell();
    assert_eq!(told(&results).concat(), [0]);
    assert_eq!(system.idle_turns(), turn);
    holder.end();
    other.end();
    system.abort(Failure::new("ERR_TEST", "enough"));
    assert_conservation(&system.join());
}

#[test]
fn results_are_held_back_no_longer_than_to_the_next_tick_which_comes_soon() {
    struct Ticks(mpsc::Sender<Instant>);
    impl Observer for Ticks {
        fn notify(&self, _: Notice) {}
        fn tick(&self) {
            let _ = self.0.send(Instant::now());
        }
    }
    let (ticks, ticked) = mpsc::channel();
    let system = watched_system(1, 10, true, Ticks(ticks));
    system.port().try_send((0..10).collect()).expect("room");
    let mut worker = Worker::new(&system, 0);
    let waits: Vec<Duration> = (0..4)
        .map(|_| {
            worker.handle(Duration::ZERO);
            let begun = Instant::now();
            let tick = ticked.iter().find(|&at| at >= begun).expect("the system lives");
            worker.consumer().tell();
            tick - begun
        })
        .collect();
    // The supervisor may come by at any time once, and then not for 250 ms.
    let soonest = *waits[1..].iter().min().expect("three");
    assert!(soonest < Duration::from_millis(200), "{soonest:?}: before the supervisor comes by");
    system.abort(Failure::new("ERR_TEST", "enough"));
    worker.end();
    assert_conservation(&system.join());
}

#[test]
fn a_worker_that_a_tick_misses_is_looked_at_again_soon() {
    struct Ticks(mpsc::Sender<String>);
    impl Observer for Ticks {
        fn notify(&self, _: Notice) {}
        fn tick(&self) {
            let _ = self.0.send(std::thread::current().name().unwrap_or_default().to_owned());
        }
    }
    let (ticks, ticked) = mpsc::channel();
    let system = watched_system(1, 10, true, Ticks(ticks));
    system.port().try_send((0..10).collect()).expect("room");
    let mut worker = Worker::new(&system, 0);
    worker.handle(Duration::ZERO);
    // As if it were in a call each time.
    let begun = Instant::now();
    let in_time = ticked.iter().take_while(|_| begun.elapsed() < Duration::from_secs(10));
    assert_eq!(in_time.filter(|thread| thread == "millrace-tm").take(5).count(), 5);
    worker.consumer().tell();
    system.abort(Failure::new("ERR_TEST", "enough"));
    worker.end();
    assert_conservation(&system.join());
}

#[test]
fn an_abort_gives_up_what_is_begun_and_returns_what_is_ahead() {
    let system = system(2, 10, false);
    system.port().try_send((0..5).collect()).expect("room");
    let mut worker = Worker::new(&system, 0);
    assert_eq!(worker.next(), Some(0));
    system.abort(Failure::new("ERR_TEST", "enough"));
    while system.stats().queued > 1 {
        std::thread::yield_now();
    }
    assert_eq!(worker.claim(), None);
    assert_eq!(worker.next(), None);
    worker.end();
    let report = system.join();
    assert_eq!(report.unprocessed.concat(), [1, 2, 3, 4]);
    assert_eq!((report.stats.dead_lettered, report.stats.discarded), (1, 4));
    assert_conservation(&report);
}

#[test]
fn a_pause_takes_back_what_is_ahead() {
    let system = system(1, 10, false);
    system.port().try_send((0..4).collect()).expect("room");
    let mut worker = Worker::new(&system, 0);
    assert_eq!(worker.next(), Some(0));
    system.pause().expect("it runs");
    worker.settle(0);
    assert_eq!(worker.claim(), None);
    assert!(worker.take(8).is_pending());
    system.resume().expect("it is paused");
    assert_eq!(worker.next(), Some(1));
    worker.settle(1);
    system.stop(None);
    while let Some(item) = worker.next() {
        worker.settle(item);
    }
    worker.end();
    let report = system.join();
    assert_eq!(report.stats.processed, 4);
    assert_conservation(&report);
}

/// Workers that die at random moments, and are replaced, while items come and others go on.
#[test]
fn items_outlive_their_workers() {
    const WORKERS: usize = 3;
    const ITEMS: u64 = 20_000;
    let seed = std::env::var("MILLRACE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    let system = system(WORKERS, 50, false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS)
            .map(|index| {
                let system = &system;
                scope.spawn(move || {
                    let mut random = seed.wrapping_mul(2 * index as u64 + 1);
                    let mut done = Vec::new();
                    'workers: loop {
                        if !system.needs_worker(index) {
                            return done;
                        }
                        let mut worker = Worker::new(system, index);
                        loop {
                            let Some(item) = worker.next() else {
                                worker.end();
                                return done;
                            };
                            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            if random >> 58 == 0 {
                                continue 'workers;
                            }
                            worker.settle(item);
                            done.push(item);
                        }
                    }
                })
            })
            .collect();
        for chunk in 0..ITEMS / 20 {
            system.send((chunk * 20..(chunk + 1) * 20).collect()).expect("open");
        }
        system.stop(None);
        let mut settled: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
        let report = system.join();
        let letters = system.take_dead_letters();
        settled.extend(letters.iter().flat_map(|letter| letter.items.clone()));
        settled.sort_unstable();
        assert!(settled.into_iter().eq(0..ITEMS), "each item is settled once; MILLRACE_SEED={seed}");
        assert!(letters.iter().all(|letter| letter.deaths == 2));
        assert_eq!(report.stats.peak_queued, 50);
        assert_conservation(&report);
    });
}
