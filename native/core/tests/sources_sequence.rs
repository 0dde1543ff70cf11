//! `sequence`: the right items, each once, shared between producers, sent at the right moment.

mod collecting;

use std::sync::atomic::{AtomicBool, Ordering};

use collecting::{run, run_all, run_until, text};
use millrace_core::sources::{Sequence, SequenceItem, SequenceOptions};
use millrace_core::{Batch, Delay, Emitter, Failure, Halt, Items, Kind, Outlet, Source};

fn sequence(of: SequenceItem, limit: Option<u64>) -> Sequence {
    Sequence::new(SequenceOptions { of, limit, ..SequenceOptions::default() }).expect("valid options")
}

#[test]
fn names_carry_the_producer_and_its_count() {
    let outcomes = run_all(sequence(SequenceItem::Name, Some(5)).sources(2), 64);
    let names = outcomes.iter().map(collecting::Outcome::texts).collect::<Vec<_>>();
    assert_eq!(names[0], [&b"item_0_0"[..], b"item_0_1", b"item_0_2"]);
    assert_eq!(names[1], [&b"item_1_0"[..], b"item_1_1"]);
}

#[test]
fn exactly_limit_items_are_made_however_many_producers_share_it() {
    for (limit, count) in [(0, 1), (1, 4), (7, 3), (1000, 10), (64, 64), (12_345, 7)] {
        let outcomes = run_all(sequence(SequenceItem::Number, Some(limit)).sources(count), 64);
        let shares = outcomes.iter().map(|outcome| outcome.numbers().len()).collect::<Vec<_>>();
        let (most, least) = (shares.iter().max(), shares.iter().min());
        assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{shares:?}");
        let numbers = outcomes.iter().flat_map(collecting::Outcome::numbers).collect::<Vec<_>>();
        assert_eq!(numbers, (0..limit).map(|n| n as f64).collect::<Vec<_>>(), "{limit} over {count}");
    }
}

#[test]
fn without_a_limit_each_number_still_comes_once() {
    let sources = sequence(SequenceItem::Number, None).sources(3);
    let mut numbers = Vec::new();
    for mut source in sources {
        let stop = AtomicBool::new(false);
        let mut batches = 0;
        let outcome = run_until(&mut source, 10, &stop, |_| {
            batches += 1;
            stop.store(batches > 4, Ordering::SeqCst);
        });
        assert_eq!(outcome.result, Err(Halt::Stopped));
        numbers.extend(outcome.numbers());
    }
    numbers.sort_by(f64::total_cmp);
    assert_eq!(numbers, (0..120).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn numbers_fill_whole_batches() {
    let outcome = run(&mut sequence(SequenceItem::Number, Some(100)).sources(1)[0], 32);
    assert_eq!(outcome.batches.iter().map(Batch::len).collect::<Vec<_>>(), [32, 32, 32, 4]);
    assert!(outcome.batches.iter().all(|batch| batch.as_numbers().is_some()));
}

#[test]
fn bytes_have_their_size_and_all_differ() {
    for size in [1, 8, 11, 64] {
        let options = SequenceOptions { of: SequenceItem::Bytes, size, limit: Some(200), ..SequenceOptions::default() };
        let outcomes = run_all(Sequence::new(options).expect("valid").sources(3), 64);
        let mut items = outcomes.iter().flat_map(collecting::Outcome::texts).collect::<Vec<_>>();
        assert!(items.iter().all(|item| item.len() == size));
        assert_eq!(items[0x51][0], 0x51);
        items.sort();
        items.dedup();
        assert_eq!(items.len(), 200);
        assert!(outcomes[0].batches.iter().all(|batch| batch.kind(0) == Kind::Bytes));
    }
}

#[test]
fn heavy_items_travel_in_light_batches() {
    let options = SequenceOptions { of: SequenceItem::Bytes, size: 100_000, limit: Some(20), ..Default::default() };
    let outcome = run(&mut Sequence::new(options).expect("valid").sources(1)[0], 64);
    assert_eq!(outcome.texts().len(), 20);
    assert!(outcome.batches.iter().all(|batch| batch.len() == 1));
}

#[test]
fn bytes_repeat_their_number_to_the_end() {
    for size in [0, 7, 4096, 100_003] {
        let options = SequenceOptions { of: SequenceItem::Bytes, size, limit: Some(300), ..SequenceOptions::default() };
        let outcome = run(&mut Sequence::new(options).expect("valid").sources(1)[0], 64);
        for (number, item) in outcome.texts().iter().enumerate() {
            let expected = number.to_le_bytes().into_iter().cycle().take(size).collect::<Vec<_>>();
            assert!(*item == expected, "item {number} of {size} bytes");
        }
        assert!(outcome.batches.iter().all(|batch| batch.len() == 1 || batch.byte_len() <= 64 << 10));
    }
}

#[test]
fn with_a_delay_each_item_leaves_before_the_sleep() {
    let delay = Delay::new("delay", 0.01, 0.02).expect("valid");
    for of in [SequenceItem::Name, SequenceItem::Number, SequenceItem::Bytes] {
        let options = SequenceOptions { of, delay, limit: Some(5), ..Default::default() };
        let outcome = run(&mut Sequence::new(options).expect("valid").sources(1)[0], 64);
        assert_eq!(outcome.batches.iter().map(Batch::len).collect::<Vec<_>>(), [1; 5], "{of:?}");
    }
}

/// Asks to stop after the first item.
struct StopAfterOne(usize);

impl Outlet<Items> for StopAfterOne {
    fn send(&mut self, batch: Items) -> Result<(), Halt> {
        assert_eq!(text(&batch.get(0)), b"item_0_0");
        self.0 += batch.len();
        Ok(())
    }
    fn forward(&mut self, batch: Items) -> Result<(), (Halt, Items)> {
        self.send(batch).map_err(|halt| (halt, Items::default()))
    }

    fn reject(&mut self, _: Items, failure: Failure) {
        panic!("{failure}");
    }
    fn stopping(&self) -> bool {
        self.0 > 0
    }
}

#[test]
fn a_stop_does_not_wait_for_the_delay() {
    let delay = Delay::new("delay", Delay::MAX, Delay::MAX).expect("valid");
    let options = SequenceOptions { delay, ..SequenceOptions::default() };
    let mut outlet = StopAfterOne(0);
    let mut out = Emitter::new(&mut outlet, 64, 0, 1);
    let result = Sequence::new(options).expect("valid").sources(1)[0].run(&mut out);
    assert_eq!(result, Err(Halt::Stopped));
    assert_eq!(outlet.0, 1);
}

#[test]
fn absurd_options_are_refused() {
    let error =
        Sequence::new(SequenceOptions { size: (1 << 30) + 1, ..SequenceOptions::default() }).expect_err("a failure");
    assert_eq!(error.to_string(), "size: expected a number of bytes up to 1073741824, got 1073741825");
    let error =
        Sequence::new(SequenceOptions { limit: Some((1 << 53) + 1), ..Default::default() }).expect_err("a failure");
    assert_eq!(error.option(), "limit");
    assert_eq!(error.got(), "9007199254740993");
    let failure = Failure::from(error);
    assert_eq!(failure.code, "ERR_MILLRACE_INVALID_OPTION");
}

#[test]
fn a_plan_can_be_used_again() {
    let plan = sequence(SequenceItem::Name, Some(3));
    for _ in 0..2 {
        assert_eq!(run_all(plan.sources(2), 64).iter().map(|outcome| outcome.texts().len()).sum::<usize>(), 3);
    }
}
