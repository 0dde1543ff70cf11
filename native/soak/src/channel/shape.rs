//! What a round on a channel looks like, drawn from its seed.

use std::time::Duration;

use fastrand::Rng;
use millrace_core::channel::{ChannelOptions, Overflow, Rate};

use super::receive::ReceiveWay;
use super::send::SendWay;
use crate::load::{ITEMS, Marks};

/// How a round ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Closed, once so many items were admitted or all were sent.
    Close(usize),
    /// Aborted, likewise.
    Abort(usize),
    /// Closed, and aborted while it drains.
    CloseAndAbort(usize),
    /// Everything is dropped, with items, leases and sends in it.
    Drop(usize),
}

impl End {
    /// After how many admitted items it comes, at the latest.
    pub fn after(self) -> usize {
        match self {
            End::Close(after) | End::Abort(after) | End::CloseAndAbort(after) | End::Drop(after) => after,
        }
    }
}

/// Which batch travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    Vectors,
    Singles,
    Columns,
}

#[derive(Debug, Clone)]
pub struct Shape {
    pub carries: Carries,
    pub capacity: usize,
    pub marks: Marks,
    pub rate: Option<u64>,
    pub overflow: Overflow,
    pub producers: usize,
    pub consumers: usize,
    /// How many items each producer sends.
    pub items: usize,
    /// The largest batch.
    pub largest: usize,
    pub end: End,
    /// How many threads end it at once.
    pub closers: usize,
    /// The first producer and the first consumer wait until they are served, and the others only for a moment, after which they
    /// may leave for good: a wake-up that was on its way to one of them, and goes to nobody, is missed by all.
    pub impatient: bool,
    sends: Vec<SendWay>,
    receives: Vec<ReceiveWay>,
}

/// From 1 to `most`, each order of magnitude as likely as any other.
fn scaled(rng: &mut Rng, most: usize) -> usize {
    let bits = rng.u32(0..=usize::BITS - most.leading_zeros());
    rng.usize(1..=1 << bits).min(most)
}

/// Some of `all`, at least one.
fn some<T: Copy>(rng: &mut Rng, all: &[T]) -> Vec<T> {
    // Few ways meet each other more often than all of them do.
    let share = [0.2, 0.5, 1.0][rng.usize(0..3)];
    let first = all[rng.usize(0..all.len())];
    let others = all.iter().copied().filter(|_| rng.f64() < share);
    std::iter::once(first).chain(others.collect::<Vec<_>>()).collect()
}

impl Shape {
    pub fn draw(rng: &mut Rng) -> Self {
        let dropped = rng.u8(0..10) == 0;
        // Of what goes with the channel there is nothing to see but its drop.
        let kinds = if dropped { 2 } else { 4 };
        let carries = [Carries::Vectors, Carries::Singles, Carries::Columns, Carries::Columns][rng.usize(0..kinds)];
        let marks = if carries == Carries::Columns && rng.bool() {
            Marks { lanes: rng.u8(1..=4), keys: rng.u64(0..=5), salt: rng.u64(..) }
        } else {
            Marks::NONE
        };
        let rate = (rng.u8(0..24) == 0).then(|| rng.u64(100_000..2_000_000));
        let overflow = match rng.u8(0..8) {
            0 => Overflow::Reject,
            1 => Overflow::DropNewest,
            2 => Overflow::DropOldest,
            _ => Overflow::Wait,
        };
        let (producers, consumers) = (rng.usize(1..=8), if rng.u8(0..4) == 0 { 1 } else { rng.usize(1..=8) });
        let items = scaled(rng, if rate.is_some() { 500 } else { ITEMS });
        let after = rng.usize(0..=producers * items);
        let end = match rng.u8(0..9) {
            _ if dropped => End::Drop(after),
            0..4 => End::Close(usize::MAX),
            4 | 5 => End::Close(after),
            6 | 7 => End::Abort(after),
            _ => End::CloseAndAbort(after),
        };
        let sends = some(rng, SendWay::ALL).into_iter().filter(|way| way.fits(end, overflow)).collect::<Vec<_>>();
        let receives = some(rng, ReceiveWay::ALL).into_iter().filter(|way| way.fits(end)).collect::<Vec<_>>();
        Shape {
            carries,
            capacity: scaled(rng, 2000),
            marks,
            rate,
            overflow,
            producers,
            consumers,
            items,
            largest: scaled(rng, 200),
            end,
            closers: rng.usize(1..=4),
            impatient: !dropped && rng.u8(0..4) == 0,
            sends: if sends.is_empty() { vec![SendWay::Try] } else { sends },
            receives: if receives.is_empty() { vec![ReceiveWay::Try] } else { receives },
        }
    }

    /// The ways of producer `index`.
    pub fn sends(&self, index: usize) -> &[SendWay] {
        match (self.impatient, index) {
            (false, _) => &self.sends,
            (true, 0) => &[SendWay::Block],
            (true, _) => &[SendWay::Timeout, SendWay::SelectTimeout],
        }
    }

    /// The ways of consumer `index`.
    pub fn receives(&self, index: usize) -> &[ReceiveWay] {
        match (self.impatient, index) {
            (false, _) => &self.receives,
            (true, 0) => &[ReceiveWay::Block, ReceiveWay::Select],
            (true, _) => &[ReceiveWay::Timeout, ReceiveWay::LeaseTimeout, ReceiveWay::SelectTimeout],
        }
    }

    /// Whether what is received may go back, for another attempt.
    pub fn leases(&self) -> bool {
        let all = (0..self.consumers).flat_map(|index| self.receives(index));
        all.copied().any(ReceiveWay::leases)
    }

    /// Whether the thread `index` of its kind may leave after a wait that it gave up.
    pub fn may_leave(&self, index: usize, rng: &mut Rng) -> bool {
        index > 0 && rng.u8(0..if self.impatient { 4 } else { 32 }) == 0
    }

    /// How long a wait may take that is given up.
    pub fn patience(&self, rng: &mut Rng) -> Duration {
        Duration::from_micros(rng.u64(0..if self.impatient { 40 } else { 200 }))
    }

    pub fn options(&self) -> ChannelOptions {
        ChannelOptions {
            lanes: self.marks.lanes,
            aging: Duration::from_millis(5),
            rate: self.rate.map(|limit| Rate { limit, per: Duration::from_secs(1) }),
            ..ChannelOptions::new(self.capacity).overflow(self.overflow)
        }
    }

    /// Whether senders may drop sends without looking what became of them.
    pub fn may_forget(&self) -> bool {
        self.overflow == Overflow::Wait
    }

    /// For each producer one of what its thread sends, and one of what its futures do: each is in an order of its own.
    pub fn streams(&self) -> usize {
        2 * self.producers
    }
}
