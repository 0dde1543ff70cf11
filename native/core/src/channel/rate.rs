//! A token bucket. Time is counted in parts of a nanosecond of which a token takes a whole number, so that nothing is
//! ever rounded.

use super::options::Rate;

/// So much of the limit may come at once.
const BURST_NS: u128 = 10_000_000;

#[derive(Debug)]
pub(super) struct Bucket {
    /// Parts in a nanosecond.
    limit: u128,
    /// Parts that a token takes.
    cost: u128,
    /// Parts that the bucket holds.
    size: u128,
    /// When it is full.
    full_at: u128,
}

impl Bucket {
    /// One that is full.
    pub(super) fn new(rate: Rate) -> Self {
        let (limit, cost) = (u128::from(rate.limit), rate.per.as_nanos());
        let burst = limit * BURST_NS;
        // Where a burst is a token, one that is fetched a little late must not hold up the next.
        let size = burst.max(cost + burst.min(cost - 1));
        Bucket { limit, cost, size, full_at: 0 }
    }

    /// How many tokens there are.
    pub(super) fn tokens(&self, now: u64) -> usize {
        let missing = self.full_at.saturating_sub(u128::from(now) * self.limit);
        usize::try_from(self.size.saturating_sub(missing) / self.cost).unwrap_or(usize::MAX)
    }

    /// Takes tokens that are there.
    pub(super) fn spend(&mut self, tokens: usize, now: u64) {
        let now = u128::from(now) * self.limit;
        self.full_at = self.full_at.max(now) + tokens as u128 * self.cost;
    }

    /// Gives tokens back.
    pub(super) fn refund(&mut self, tokens: usize) {
        self.full_at = self.full_at.saturating_sub(tokens as u128 * self.cost);
    }

    /// When the next token comes, where there is none.
    pub(super) fn next(&self) -> u64 {
        let at = (self.full_at + self.cost).saturating_sub(self.size).div_ceil(self.limit);
        u64::try_from(at).unwrap_or(u64::MAX)
    }
}
