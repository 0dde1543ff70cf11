#![allow(clippy::cast_possible_wrap, reason = "places in a short list")]

use std::time::Duration;

use super::options::Rate;
use super::rate::Bucket;
use super::schedule::Schedule;
use crate::Marked;
use crate::batch::Batch;

const AGING: u64 = 100;

fn schedule(lanes: u8) -> Schedule<Marked<u32>> {
    Schedule::new(lanes, Duration::from_nanos(AGING))
}

/// Takes the next item.
fn take(schedule: &mut Schedule<Marked<u32>>, now: u64) -> Option<u32> {
    let (_, lane) = schedule.best(now)?;
    schedule.take(lane, 1, now).map(|taken| Vec::from(taken)[0])
}

#[test]
fn the_highest_lane_goes_first_and_each_in_order() {
    let mut schedule = schedule(3);
    schedule.push([(1, 0, 0), (2, 1, 0), (3, 0, 0), (4, 2, 0), (5, 9, 0), (6, 1, 0)].into_iter().collect(), 0);
    let order: Vec<_> = std::iter::from_fn(|| take(&mut schedule, 0)).collect();
    assert_eq!(order, [4, 5, 2, 6, 1, 3]);
}

#[test]
fn a_lane_that_gets_nothing_has_a_turn_after_each_time_of_aging() {
    let mut schedule = schedule(2);
    schedule.push((0..3).map(|item| (item, 0, 0)).collect(), 0);
    schedule.push((100..200).map(|item| (item, 1, 0)).collect(), 0);
    let turns: Vec<_> = (0..35).filter_map(|step| take(&mut schedule, step * 10).filter(|item| *item < 100)).collect();
    // At 100, 200 and 300: a long backlog of the low lane does not make it as good as the high one.
    assert_eq!(turns, [0, 1, 2]);
    let mut schedule = self::schedule(4);
    schedule.push(Marked::one(0, 0, 0), 0);
    schedule.push((1..100).map(|item| (item, 3, 0)).collect(), 0);
    assert_eq!((0..100).find(|step| take(&mut schedule, step * 10) == Some(0)), Some(30));
}

#[test]
fn a_key_is_out_once_and_only_it_waits() {
    let mut schedule = schedule(2);
    schedule.push([(1, 0, 7), (2, 0, 7), (3, 0, 8), (4, 1, 7), (5, 0, 0)].into_iter().collect(), 0);
    assert_eq!(take(&mut schedule, 0), Some(4));
    assert_eq!(take(&mut schedule, 0), Some(3));
    assert_eq!(take(&mut schedule, 0), Some(5));
    assert_eq!(take(&mut schedule, 0), None);
    schedule.free(8);
    assert_eq!(take(&mut schedule, 0), None);
    schedule.free(7);
    assert_eq!(take(&mut schedule, 0), Some(1));
    assert_eq!(take(&mut schedule, 0), None);
    schedule.push(Marked::one(6, 0, 7), 0);
    schedule.free(7);
    assert_eq!(take(&mut schedule, 0), Some(2));
    schedule.put_back(Marked::one(2, 0, 7), 0);
    assert_eq!(take(&mut schedule, 0), Some(2));
    assert_eq!(schedule.drain().into_iter().map(|batch| Vec::from(batch)[0]).collect::<Vec<_>>(), [6]);
}

/// What a schedule does, in the plainest way.
struct Model {
    items: Vec<Queued>,
    out: Vec<u64>,
    served: Vec<u64>,
    lanes: u8,
    next: i64,
    first: i64,
    runs: u32,
}

#[derive(Debug, Clone, Copy)]
struct Queued {
    item: u32,
    lane: u8,
    key: u64,
    since: u64,
    number: i64,
    run: u32,
}

impl Model {
    fn lane(&self, number: u8) -> usize {
        usize::from(number.min(self.lanes - 1))
    }

    fn add(&mut self, items: &[(u32, u8, u64)], first: i64, since: u64) {
        for (index, &(item, lane, key)) in items.iter().enumerate() {
            let goes_along = index > 0 && key == 0 && items[index - 1].2 == 0 && items[index - 1].1 == lane;
            self.runs += u32::from(!goes_along);
            self.items.push(Queued { item, lane, key, since, number: first + signed(index), run: self.runs });
        }
    }

    fn push(&mut self, items: &[(u32, u8, u64)], now: u64) {
        self.add(items, self.next, now);
        self.next += signed(items.len());
    }

    fn put_back(&mut self, items: &[(u32, u8, u64)], now: u64) {
        self.out.retain(|key| items.iter().all(|item| item.2 != *key));
        self.first -= signed(items.len());
        self.add(items, self.first, now);
    }

    fn can_go(&self, queued: &Queued) -> bool {
        queued.key == 0 || !self.out.contains(&queued.key)
    }

    fn best(&self, now: u64) -> Option<Queued> {
        let firsts = (0..usize::from(self.lanes)).filter_map(|lane| {
            let of_lane = self.items.iter().filter(|queued| self.lane(queued.lane) == lane && self.can_go(queued));
            of_lane.min_by_key(|queued| queued.number)
        });
        firsts
            .max_by_key(|queued| {
                let lane = self.lane(queued.lane);
                let waited = now - queued.since.max(self.served[lane]);
                (lane as u64 + waited / AGING, waited, lane)
            })
            .copied()
    }

    fn take_oldest(&mut self, most: usize) -> Option<(u32, u8, u64)> {
        let low = self.items.iter().filter(|queued| self.lane(queued.lane) <= most);
        let oldest = *low.min_by_key(|queued| (self.lane(queued.lane), queued.number))?;
        self.items.retain(|queued| queued.number != oldest.number);
        Some((oldest.item, oldest.lane, oldest.key))
    }

    fn take(&mut self, max: usize, now: u64) -> Option<Vec<(u32, u8, u64)>> {
        let first = self.best(now)?;
        let lane = self.lane(first.lane);
        self.served[lane] = now;
        let mut run: Vec<_> = self.items.iter().filter(|queued| queued.run == first.run).copied().collect();
        run.sort_by_key(|queued| queued.number);
        run.truncate(max);
        self.items.retain(|queued| run.iter().all(|taken| taken.number != queued.number));
        if first.key != 0 {
            self.out.push(first.key);
        }
        Some(run.into_iter().map(|queued| (queued.item, queued.lane, queued.key)).collect())
    }
}

#[test]
fn it_is_parked_while_all_there_is_waits_for_its_key() {
    let mut schedule = schedule(2);
    assert!(!schedule.is_parked());
    schedule.push([(1, 0, 7), (2, 0, 7), (3, 1, 7)].into_iter().collect(), 0);
    assert!(!schedule.is_parked());
    assert_eq!(take(&mut schedule, 0), Some(3));
    assert!(schedule.is_parked());
    schedule.push(Marked::one(4, 0, 8), 0);
    assert!(!schedule.is_parked());
    assert_eq!(take(&mut schedule, 0), Some(4));
    assert!(schedule.is_parked());
    schedule.free(7);
    assert!(!schedule.is_parked());
    assert_eq!(take(&mut schedule, 0), Some(1));
    schedule.free(7);
    assert_eq!(take(&mut schedule, 0), Some(2));
    // Nothing is left.
    assert!(!schedule.is_parked());
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).expect("a small number")
}

fn marks(batch: &Marked<u32>) -> Vec<(u32, u8, u64)> {
    batch.iter().enumerate().map(|(index, item)| (*item, batch.lane(index), batch.key(index))).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "a failed round can be replayed with the seed")]
fn random_programs_do_as_a_plain_model_does() {
    const PROGRAMS: u64 = 20_000;
    let first = std::env::var("MILLRACE_SEED").ok().and_then(|seed| seed.parse().ok());
    let begin: u64 = first.unwrap_or_else(|| fastrand::u64(..u64::MAX / 2));
    println!("MILLRACE_SEED={begin}");
    let mut taken_in_all = 0;
    for seed in begin..begin + if first.is_some() { 1 } else { PROGRAMS } {
        let mut random = fastrand::Rng::with_seed(seed);
        let lanes = random.u8(1..=5);
        let keys = random.u64(0..6);
        let mut schedule = schedule(lanes);
        let mut model = Model {
            items: Vec::new(),
            out: Vec::new(),
            served: vec![0; usize::from(lanes)],
            lanes,
            next: 0,
            first: 0,
            runs: 0,
        };
        let (mut now, mut item) = (0, 0);
        let mut held: Vec<Marked<u32>> = Vec::new();
        for step in 0..random.usize(1..60) {
            now += if random.bool() { 0 } else { random.u64(0..AGING * 2) };
            match random.u8(0..11) {
                0..=3 => {
                    let mut batch = Marked::default();
                    for _ in 0..random.usize(1..6) {
                        item += 1;
                        batch.push(item, random.u8(0..=lanes), random.u64(0..=keys));
                    }
                    model.push(&marks(&batch), now);
                    schedule.push(batch, now);
                }
                4..=7 => {
                    let max = random.usize(1..5);
                    let expected = model.take(max, now);
                    let best = schedule.best(now);
                    let taken = best.and_then(|(_, lane)| schedule.take(lane, max, now));
                    assert_eq!(taken.as_ref().map(marks), expected, "step {step}, seed {seed}");
                    taken_in_all += expected.map_or(0, |items| items.len());
                    held.extend(taken);
                }
                8 if !held.is_empty() => {
                    let settled = held.swap_remove(random.usize(..held.len()));
                    for (_, _, key) in marks(&settled) {
                        model.out.retain(|out| *out != key);
                        schedule.free(key);
                    }
                }
                9 if !held.is_empty() => {
                    let back = held.swap_remove(random.usize(..held.len()));
                    model.put_back(&marks(&back), now);
                    schedule.put_back(back, now);
                }
                10 => {
                    let most = random.usize(0..usize::from(lanes));
                    let expected = model.take_oldest(most);
                    let oldest = schedule.take_oldest(most);
                    assert_eq!(oldest.as_ref().map(marks), expected.map(|item| vec![item]), "step {step}, seed {seed}");
                }
                _ => {}
            }
            let any = model.best(now).is_some();
            assert_eq!(schedule.any(), any, "step {step}, seed {seed}");
            assert_eq!(schedule.count(1) > 0, any, "step {step}, seed {seed}");
        }
        let mut left = model.items.clone();
        left.sort_by_key(|queued| queued.number);
        let drained: Vec<_> = schedule.drain().iter().flat_map(marks).map(|(item, ..)| item).collect();
        assert_eq!(drained, left.iter().map(|queued| queued.item).collect::<Vec<_>>(), "seed {seed}");
    }
    assert!(first.is_some() || taken_in_all > 100_000, "the programs took {taken_in_all} items only");
}

#[test]
fn tokens_come_at_their_rate_and_no_more_than_a_burst_at_once() {
    let rate = |limit, ms| Bucket::new(Rate { limit, per: Duration::from_millis(ms) });
    // 1000/s: 10 at once, then one a ms.
    let mut bucket = rate(1000, 1000);
    let mut spent = 0;
    for now in (0..1_000_000_000u64).step_by(700_000) {
        let tokens = bucket.tokens(now);
        assert!(tokens <= 10);
        bucket.spend(tokens, now);
        spent += tokens;
    }
    assert_eq!(spent, 10 + 999);
    assert_eq!(bucket.tokens(5_000_000_000), 10);
    // A third of a ns must not be lost: 3/s for an hour.
    let mut bucket = rate(3, 1000);
    assert_eq!(bucket.tokens(0), 1);
    bucket.spend(1, 0);
    for token in 1..=3 * 3600 {
        let at = bucket.next();
        // The first may be 10 ms early, so that one that is fetched late costs nothing.
        assert_eq!(at, (token * 1_000_000_000u64 - 30_000_000).div_ceil(3));
        assert_eq!((bucket.tokens(at - 1), bucket.tokens(at)), (0, 1));
        bucket.spend(1, at);
    }
    // Given back, it is there again.
    let at = bucket.next();
    bucket.spend(1, at);
    bucket.refund(1);
    assert_eq!(bucket.tokens(at), 1);
    // One a minute, and a thousand a ns.
    assert_eq!(rate(1, 60_000).tokens(0), 1);
    let quick = Bucket::new(Rate { limit: 1000, per: Duration::from_nanos(1) });
    assert_eq!(quick.tokens(0), 10_000_000_000);
}
