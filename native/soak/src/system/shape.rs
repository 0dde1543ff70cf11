//! What a round on a system looks like, drawn from its seed, and what every handler does with every item.

use std::time::Duration;

use fastrand::Rng;
use millrace_core::channel::ChannelOptions;
use millrace_core::system::{Backoff, Retry, SystemOptions};

use crate::load::{Marks, mix};

/// How a round ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With its sources, or, where it has none, by a stop once all senders are through.
    Exhausted,
    Stop,
    /// A stop with a time-out.
    Timeout(Duration),
    /// A stop, and an abort while it drains.
    StopAndAbort,
    Abort,
}

/// How a source ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceEnd {
    Done,
    Fails,
    Panics,
}

#[derive(Debug, Clone)]
pub struct Shape {
    pub options: SystemOptions,
    pub marks: Marks,
    /// How many items each source makes; none, where there are no sources.
    pub items: usize,
    pub source_end: SourceEnd,
    /// Threads that send from outside, and how many items each sends.
    pub senders: usize,
    pub sends: usize,
    pub largest: usize,
    /// What tasks take ahead.
    pub prefetch: usize,
    pub end: End,
    /// After how many attempts it ends, at the latest.
    pub after: usize,
    /// How many threads end it at once.
    pub enders: usize,
    pub pauses: u32,
    /// After how many results their reader breaks off.
    pub breaks_off: Option<usize>,
    /// How many dead letters are kept at once, where that is limited.
    pub letters: Option<usize>,
    pub salt: u64,
}

/// What becomes of an item by its id: `attempts` of them, of which the last may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    Succeed,
    /// So many attempts fail, and the next succeeds.
    Fail(u32),
    /// Likewise, with panics.
    Panic(u32),
    Unrecoverable,
}

impl Plan {
    /// How many attempts it takes, of `attempts` at the most, and whether the last succeeds.
    pub fn outcome(self, attempts: u32) -> (u32, bool) {
        match self {
            Plan::Succeed => (1, true),
            Plan::Fail(n) | Plan::Panic(n) => ((n + 1).min(attempts), n < attempts),
            Plan::Unrecoverable => (1, false),
        }
    }
}

impl Shape {
    pub fn draw(rng: &mut Rng) -> Self {
        let marks = if rng.bool() {
            Marks { lanes: rng.u8(1..=4), keys: rng.u64(0..=5), salt: rng.u64(..) }
        } else {
            Marks::NONE
        };
        let producers = if rng.u8(0..4) == 0 { 0 } else { rng.usize(1..=8) };
        let items = if producers == 0 { 0 } else { 1 << rng.u32(0..12) };
        let senders = if producers == 0 { rng.usize(1..=4) } else { rng.usize(0..=3) };
        let sends = 1 << rng.u32(0..11);
        let end = match rng.u8(0..8) {
            0..3 => End::Exhausted,
            3 => End::Stop,
            4 => End::Timeout(Duration::from_micros(rng.u64(0..4000))),
            5 => End::StopAndAbort,
            _ => End::Abort,
        };
        let backoff = if rng.bool() { Duration::ZERO } else { Duration::from_micros(rng.u64(1..500)) };
        Shape {
            options: SystemOptions {
                producers,
                consumers: rng.usize(1..=8),
                capacity: 1 << rng.u32(0..11),
                results: rng.bool(),
                retry: Retry {
                    attempts: rng.u32(1..=4),
                    backoff: Backoff { delay: backoff, exponential: rng.bool(), jitter: 0.5, ..Backoff::default() },
                    ..Retry::default()
                },
                ..SystemOptions::default()
            },
            marks,
            items,
            source_end: match rng.u8(0..10) {
                0 => SourceEnd::Fails,
                1 => SourceEnd::Panics,
                _ => SourceEnd::Done,
            },
            senders,
            sends,
            largest: 1 << rng.u32(0..7),
            prefetch: if rng.bool() { 1 } else { rng.usize(2..=64) },
            end,
            after: rng.usize(0..=producers * items + senders * sends),
            enders: rng.usize(1..=3),
            pauses: if rng.bool() { 0 } else { rng.u32(1..10) },
            breaks_off: (rng.u8(0..4) == 0).then(|| rng.usize(0..1000)),
            letters: rng.bool().then(|| rng.usize(1..20)),
            salt: rng.u64(..),
        }
    }

    pub fn channel(&self) -> ChannelOptions {
        ChannelOptions {
            lanes: self.marks.lanes,
            aging: Duration::from_millis(5),
            ..ChannelOptions::new(self.options.capacity)
        }
    }

    pub fn plan(&self, id: u64) -> Plan {
        let mixed = mix(id ^ self.salt);
        let failures = (mixed >> 32) as u32 % 6 + 1;
        match mixed % 32 {
            0 | 1 => Plan::Fail(failures),
            2 => Plan::Panic(failures),
            3 => Plan::Unrecoverable,
            _ => Plan::Succeed,
        }
    }

    /// Of each source one for what it emits and one for what it rejects; then of each sender one.
    pub fn streams(&self) -> usize {
        2 * self.options.producers + self.senders
    }

    /// The most items of a stream.
    pub fn most(&self) -> usize {
        self.items.max(self.sends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_ends_with_its_success_or_its_attempts() {
        assert_eq!(Plan::Succeed.outcome(3), (1, true));
        assert_eq!(Plan::Fail(2).outcome(3), (3, true));
        assert_eq!(Plan::Panic(3).outcome(3), (3, false));
        assert_eq!(Plan::Fail(9).outcome(3), (3, false));
        assert_eq!(Plan::Unrecoverable.outcome(3), (1, false));
    }
}
