//! Random programs.

use std::time::Duration;

use millrace_core::channel::Overflow;
use proptest::prelude::*;

use crate::model::{LONG, Setup};

/// An item's lane, key, and whether its sender waits for its result.
pub type Mark = (u8, u64, bool);

#[derive(Debug, Clone)]
pub enum Step {
    Start,
    Send {
        port: usize,
        marks: Vec<Mark>,
    },
    TrySend {
        port: usize,
        marks: Vec<Mark>,
    },
    Offer {
        port: usize,
        marks: Vec<Mark>,
    },
    Cancel(usize),
    /// Of what a worker is given, it takes `fits` items at the most, and puts the rest back.
    Take {
        place: usize,
        max: usize,
        fits: usize,
    },
    /// A quiet claim is one that the system is not told of yet.
    Claim {
        place: usize,
        quiet: bool,
    },
    Process {
        place: usize,
        n: usize,
    },
    Fail {
        place: usize,
        nth: usize,
        unrecoverable: bool,
    },
    Die(usize),
    /// A quiet claim, and as many items as there is room for then.
    Squeeze {
        port: usize,
        place: usize,
    },
    /// So many items one by one, from their send to their settlement.
    Flow {
        port: usize,
        place: usize,
        n: usize,
    },
    Pause,
    Resume,
    Read(usize),
    Idle,
    End(End),
}

#[derive(Debug, Clone, Copy)]
pub enum End {
    Stop,
    /// With a time-out of nothing.
    Expire,
    Abort,
}

#[derive(Debug, Clone)]
pub struct Program {
    pub setup: Setup,
    pub steps: Vec<Step>,
    pub end: End,
}

pub fn programs() -> impl Strategy<Value = Program> {
    let overflow = prop_oneof![
        2 => Just(Overflow::Wait),
        1 => Just(Overflow::Reject),
        1 => Just(Overflow::DropNewest),
        1 => Just(Overflow::DropOldest),
    ];
    let delay = prop_oneof![
        4 => Just(Duration::ZERO),
        2 => Just(Duration::from_micros(200)),
        1 => Just(LONG),
    ];
    let options = (prop_oneof![1..=3_usize, 1..=8_usize], prop_oneof![Just(1_u8), Just(3)], overflow, delay);
    let retry = (1..=3_u32, 1..=3_u32);
    let setup = (any::<bool>(), 1..=3_usize, options, retry, any::<bool>(), prop::bool::weighted(0.9)).prop_map(
        |(workers, consumers, (capacity, lanes, overflow, delay), (attempts, deaths), results, starts)| Setup {
            workers,
            consumers: if workers { consumers } else { 1 },
            capacity,
            lanes,
            overflow,
            attempts,
            deaths,
            delay,
            results: workers && results,
            starts,
        },
    );
    let steps = prop::collection::vec(steps(), 1..50);
    (setup, any::<bool>(), steps, ends()).prop_map(|(setup, marked, mut steps, end)| {
        // Whole programs without marks go another way through the channel.
        if !marked {
            steps.iter_mut().for_each(unmark);
        }
        Program { setup, steps, end }
    })
}

fn unmark(step: &mut Step) {
    if let Step::Send { marks, .. } | Step::TrySend { marks, .. } | Step::Offer { marks, .. } = step {
        marks.fill((0, 0, false));
    }
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![3 => Just(End::Stop), 1 => Just(End::Expire), 1 => Just(End::Abort)]
}

fn steps() -> impl Strategy<Value = Step> {
    let mark = (0..4_u8, prop_oneof![2 => Just(0_u64), 1 => 1..3_u64], any::<bool>());
    let marks = prop::collection::vec(mark, 1..6);
    let load = (0..2_usize, marks);
    let step = prop_oneof![
        1 => Just(Step::Start),
        6 => load.clone().prop_map(|(port, marks)| Step::Send { port, marks }),
        4 => load.clone().prop_map(|(port, marks)| Step::TrySend { port, marks }),
        4 => load.prop_map(|(port, marks)| Step::Offer { port, marks }),
        1 => (0..4_usize).prop_map(Step::Cancel),
        16 => (0..3_usize, 1..8_usize, 1..8_usize).prop_map(|(place, max, fits)| Step::Take { place, max, fits }),
        10 => (0..3_usize, any::<bool>()).prop_map(|(place, quiet)| Step::Claim { place, quiet }),
        10 => (0..3_usize, 1..4_usize).prop_map(|(place, n)| Step::Process { place, n }),
        10 => (0..3_usize, 0..4_usize, prop::bool::weighted(0.2))
            .prop_map(|(place, nth, unrecoverable)| Step::Fail { place, nth, unrecoverable }),
        5 => (0..3_usize).prop_map(Step::Die),
        2 => (0..2_usize, 0..3_usize).prop_map(|(port, place)| Step::Squeeze { port, place }),
        4 => (0..2_usize, 0..3_usize, 1..16_usize).prop_map(|(port, place, n)| Step::Flow { port, place, n }),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
        3 => (1..4_usize).prop_map(Step::Read),
        2 => Just(Step::Idle),
    ];
    prop_oneof![150 => step, 1 => ends().prop_map(Step::End)]
}
