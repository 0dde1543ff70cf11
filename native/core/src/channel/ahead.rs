//! Items taken ahead of their handling, by a receiver for which a call is dear: a JavaScript environment.
//!
//! They stay in the channel, permits and all, until they are claimed. Claims go through one word in memory that both
//! sides see: the owner adds to its lower half, without a call; whoever takes items away lowers the upper half.
//!
//! ```text
//! 31      16 15       0
//! |  limit  | claimed |     items from `claimed` up to `limit` are free
//! ```
//!
//! Both halves share one modification order, so each item is either claimed or taken away. A receiver that finds the
//! channel empty takes half of what somebody else has ahead, off the end, so no item waits behind another's handler
//! while a receiver idles. An owner that finds its claim at or past the limit claimed nothing.
//!
//! What was claimed has left the channel, but its permits are free only once someone looks at the word: its owner's next
//! call, a try to send that finds the channel full, or the supervisor. An item that its owner takes alone can count as
//! claimed at once: who takes one at a time may take long for it, and must hold up no send meanwhile.

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Channel;
use super::error::{ReceiveError, TryReceiveError};
use super::receivers::{Place, Receivers, Taken};
use super::scheduled::Keys;
use super::shared::{LATE, RECEIVER_SLEEPS, Shared};
use super::wait::{Kind, WakeList};
use crate::batch::Batch;
use crate::sync::{Arc, AtomicU32, Mutex, MutexGuard, Ordering, broken, lock, seq_cst_fence};

/// The most items that can be ahead at once.
pub const AHEAD_MAX: usize = 1 << 12;

/// One, in the upper half.
const LIMIT: u32 = 1 << 16;

/// What the word is to its owner.
#[cfg(not(loom))]
pub type Word = u32;
/// What the word is to its owner: a model has to see its claims.
#[cfg(loom)]
pub type Word = AtomicU32;

/// The word, in memory of the owner.
#[derive(Debug, Clone, Copy)]
pub struct ClaimWord(NonNull<AtomicU32>);

// SAFETY: it is only ever used as a shared reference to an atomic, which `new` asks to be valid.
unsafe impl Send for ClaimWord {}
// SAFETY: the same.
unsafe impl Sync for ClaimWord {}

impl ClaimWord {
    /// # Safety
    /// `word` is aligned, and valid until the [`Ahead`] that is made with it has been dropped; meanwhile everyone
    /// accesses it atomically.
    pub unsafe fn new(word: NonNull<Word>) -> Self {
        ClaimWord(word.cast())
    }

    fn get(&self) -> &AtomicU32 {
        // SAFETY: what `new` asks for.
        unsafe { self.0.as_ref() }
    }
}

fn halves(word: u32) -> (usize, usize) {
    let limit = (word / LIMIT) as usize;
    // An owner's claim that found nothing counted past the limit.
    (((word % LIMIT) as usize).min(limit), limit)
}

/// What one owner has ahead.
#[derive(Debug)]
pub(super) struct Cell<B> {
    word: ClaimWord,
    items: Mutex<CellItems<B>>,
}

#[derive(Debug)]
struct CellItems<B> {
    /// From the first item that the owner has not been told to have claimed, up to the limit.
    taken: VecDeque<Taken<B>>,
    /// The claims that were told.
    told: usize,
}

impl<B: Batch> CellItems<B> {
    /// Lets `each` have the first `n` items, batch by batch, where they are.
    fn first(&mut self, mut n: usize, mut each: impl FnMut(&mut Taken<B>)) {
        let mut at = 0;
        while n > 0
            && let Some(taken) = self.taken.get_mut(at)
        {
            if taken.batch.len() > n {
                let part = taken.split_front(n);
                self.taken.insert(at, part);
            }
            n -= self.taken[at].batch.len();
            each(&mut self.taken[at]);
            at += 1;
        }
    }
}

impl<B: Batch> Cell<B> {
    fn any(&self) -> bool {
        let (claimed, limit) = halves(self.word.get().load(Ordering::Acquire));
        claimed < limit
    }

    /// Takes away up to `max` items of one batch: at most half of what is free, and at least one.
    fn steal(&self, max: usize) -> Option<Taken<B>> {
        let mut items = lock(&self.items);
        let last = items.taken.back()?.batch.len();
        let n = self.lower(&items, |free| free.div_ceil(2).min(max).min(last));
        (n > 0).then(|| pop_back(&mut items.taken, n))
    }

    /// Takes away everything that is free, in order.
    fn reclaim(&self) -> Vec<Taken<B>> {
        let mut items = lock(&self.items);
        let mut left = self.lower(&items, |free| free);
        let mut parts = Vec::new();
        while left > 0
            && let Some(last) = items.taken.back()
        {
            let n = left.min(last.batch.len());
            parts.push(pop_back(&mut items.taken, n));
            left -= n;
        }
        parts.reverse();
        parts
    }

    /// The permits of what was claimed and not told, which are free from now on.
    fn free_claimed(&self) -> usize {
        let mut items = lock(&self.items);
        let (claimed, _) = halves(self.word.get().load(Ordering::Acquire));
        let untold = claimed.saturating_sub(items.told);
        let mut freed = 0;
        items.first(untold, |taken| freed += std::mem::take(&mut taken.permits));
        freed
    }

    /// Lowers the limit by as many as `choose` says of those that are free, and returns how many.
    fn lower(&self, items: &CellItems<B>, choose: impl Fn(usize) -> usize) -> usize {
        let word = self.word.get();
        let mut now = word.load(Ordering::Acquire);
        loop {
            let (claimed, limit) = halves(now);
            let n = choose(limit - claimed.max(items.told));
            if n == 0 {
                return 0;
            }
            let expected = if broken!("claim_word") { word.load(Ordering::Acquire) } else { now };
            match word.compare_exchange_weak(expected, now - n as u32 * LIMIT, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return n,
                Err(changed) => now = changed,
            }
        }
    }
}

/// The last `n` items, which are all in the last batch.
fn pop_back<B: Batch>(taken: &mut VecDeque<Taken<B>>, n: usize) -> Taken<B> {
    let Some(mut last) = taken.pop_back() else { unreachable!("callers saw the last batch") };
    let front = last.batch.len() - n;
    if front > 0 {
        taken.push_back(last.split_front(front));
    }
    last
}

impl<B: Batch> Receivers<B> {
    /// Takes items that somebody else has ahead.
    pub(super) fn take_ahead(&self, max: usize) -> Option<Taken<B>> {
        self.ahead.iter().find_map(|cell| cell.steal(max))
    }

    pub(super) fn any_ahead(&self) -> bool {
        self.ahead.iter().any(|cell| cell.any())
    }
}

impl<B: Batch> Shared<B> {
    /// Frees the permits of everything that was claimed and not told; whether there was any. Under no lock.
    #[cold]
    pub(super) fn free_claimed(&self) -> bool {
        let freed = lock(&self.receivers).ahead.iter().map(|cell| cell.free_claimed()).sum();
        let mut wakes = WakeList::default();
        self.release(freed, &mut wakes);
        wakes.wake();
        freed > 0
    }

    /// Brings back everything that receivers have ahead.
    pub(super) fn reclaim_all(&self, receivers: &mut Receivers<B>) {
        let parts: Vec<_> = receivers.ahead.iter().flat_map(|cell| cell.reclaim()).collect();
        self.bring_back(receivers, parts);
    }

    /// Items that were taken and that nobody has seen go to where they are taken from first, in order. After an abort
    /// nobody will ever receive them.
    pub(super) fn put_back(&self, mut receivers: MutexGuard<'_, Receivers<B>>, unseen: Vec<Taken<B>>) {
        let mut wakes = WakeList::default();
        // Set under the lock: an abort that it does not show yet finds them.
        if self.signals.load(Ordering::Relaxed) & LATE == 0 {
            self.bring_back(&mut receivers, unseen);
            self.pass_on(&mut receivers, &mut wakes);
            drop(receivers);
        } else if !unseen.is_empty() {
            let permits = unseen.iter().map(|taken| taken.permits).sum();
            let leased = unseen.iter().filter(|taken| taken.leased).map(|taken| taken.batch.len()).sum();
            let late = unseen.into_iter().map(|taken| taken.batch).collect();
            self.keep_late(&mut receivers, late, &mut wakes);
            drop(receivers);
            self.delivered(leased, permits, true);
        }
        wakes.wake();
    }

    /// Puts items that nobody has seen to where they are taken from first, in order.
    fn bring_back(&self, receivers: &mut Receivers<B>, parts: Vec<Taken<B>>) {
        for taken in parts.into_iter().rev() {
            if taken.permits == 0 {
                if let Some(scheduled) = &mut receivers.scheduled {
                    scheduled.refund(taken.batch.len());
                }
                receivers.returned.push_front(taken);
                continue;
            }
            if taken.leased {
                // They still hold permits, so the end cannot come in between.
                self.outstanding.fetch_sub(taken.batch.len(), Ordering::AcqRel);
            }
            match &mut receivers.scheduled {
                Some(scheduled) => scheduled.put_back(taken.batch),
                None => receivers.front.push_front(taken.batch),
            }
        }
    }
}

/// A receiver that takes items ahead, for which they stay in the channel until it claims them in the [`ClaimWord`]:
/// what it has not claimed, an idle receiver may take away. Dropping it brings back what was not claimed.
#[derive(Debug)]
pub struct Ahead<B: Batch> {
    channel: Arc<Shared<B>>,
    cell: Arc<Cell<B>>,
    place: Place,
    lease: bool,
}

impl<B: Batch> Ahead<B> {
    /// Takes up to `max` items, or leaves the waker to be woken when there may be some. They are to be published, or
    /// put back, before anything else is done. Everything that was ahead must be claimed and told.
    ///
    /// # Errors
    /// `Closed` at the end, `Aborted`.
    pub fn poll_take(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Result<Taken<B>, ReceiveError>> {
        self.channel.poll_take(&mut self.place, self.channel.prefetch(max), self.lease, Kind::Task, cx.waker())
    }

    /// As [`poll_take`](Ahead::poll_take), but leaves no waker.
    ///
    /// # Errors
    /// As there, and `Empty`.
    pub fn try_take(&mut self, max: usize) -> Result<Taken<B>, TryReceiveError> {
        self.channel.try_take(self.channel.prefetch(max), self.lease)
    }

    /// Items that were taken are not wanted now.
    pub fn put_back(&mut self, taken: Taken<B>) {
        self.channel.put_back(lock(&self.channel.receivers), vec![taken]);
    }

    /// Makes items claimable, [`AHEAD_MAX`] at most.
    ///
    /// # Panics
    /// Where there are more.
    pub fn publish(&mut self, taken: impl IntoIterator<Item = Taken<B>>) {
        let mut items = lock(&self.cell.items);
        debug_assert!(items.taken.is_empty(), "items are ahead already");
        items.taken = taken.into_iter().collect();
        items.told = 0;
        let n: usize = items.taken.iter().map(|taken| taken.batch.len()).sum();
        assert!(n <= AHEAD_MAX, "{n} items ahead");
        self.cell.word.get().store(n as u32 * LIMIT, Ordering::Release);
        drop(items);
        // Pairs with the fence in `pass_on`: either the sleeper sees what is ahead, or it is seen here.
        seq_cst_fence!("publish_fence");
        if self.channel.signals.load(Ordering::Relaxed) & RECEIVER_SLEEPS != 0 {
            let mut wakes = WakeList::default();
            self.channel.wake_receivers(&mut wakes);
            wakes.wake();
        }
    }

    /// Publishes a single item that counts as claimed and told at once, before its owner's claim in the word. Its permit
    /// is free.
    pub fn publish_claimed(&mut self, taken: &mut Taken<B>) {
        let mut items = lock(&self.cell.items);
        debug_assert!(items.taken.is_empty() && taken.batch.len() == 1, "one item, and none ahead already");
        items.told = 1;
        self.cell.word.get().store(LIMIT, Ordering::Release);
        drop(items);
        self.free(std::slice::from_mut(taken));
    }

    /// The items that were claimed and not told before. Their permits are free now.
    pub fn claimed(&mut self) -> Vec<Taken<B>> {
        let mut items = lock(&self.cell.items);
        let (claimed, _) = halves(self.cell.word.get().load(Ordering::Acquire));
        let mut count = 0;
        let untold = claimed.saturating_sub(items.told);
        items.first(untold, |_| count += 1);
        items.told += untold;
        let mut told: Vec<_> = items.taken.drain(..count).collect();
        drop(items);
        self.free(&mut told);
        told
    }

    /// Hands the items that were claimed and not told before over for good.
    pub fn tell(&mut self) {
        for taken in self.claimed() {
            let keys = Keys::of(&taken.batch);
            self.channel.delivered(taken.batch.len(), taken.permits, taken.leased);
            self.channel.free_keys(&keys);
        }
    }

    /// Brings back what was not claimed.
    pub fn give_up(&mut self) {
        let receivers = lock(&self.channel.receivers);
        let unseen = self.cell.reclaim();
        self.channel.put_back(receivers, unseen);
    }

    /// The permits of these are free now.
    fn free(&self, claimed: &mut [Taken<B>]) {
        let permits = claimed.iter_mut().map(|taken| std::mem::take(&mut taken.permits)).sum();
        let mut wakes = WakeList::default();
        self.channel.release(permits, &mut wakes);
        wakes.wake();
    }

    /// Other items of the keys of these may be handled: these are settled.
    pub fn free_keys(&self, settled: &impl Batch) {
        self.channel.free_keys(&Keys::of(settled));
    }

    /// Settles `n` claimed items that were leased. Their keys are freed by [`free_keys`](Ahead::free_keys), before.
    pub fn settle(&self, n: usize) {
        self.channel.settle(n);
    }

    /// Gives a claimed item that was leased back for another attempt, after `delay` at the earliest.
    ///
    /// # Errors
    /// After an abort nobody would take it: it comes back, still to be settled.
    pub fn give_back(&self, batch: B, attempt: u32, delay: Duration) -> Result<(), B> {
        self.channel.return_lease(batch, attempt, delay)
    }
}

impl<B: Batch> Drop for Ahead<B> {
    fn drop(&mut self) {
        let mut receivers = lock(&self.channel.receivers);
        let old = receivers.leave(&mut self.place);
        receivers.ahead.retain(|cell| !Arc::ptr_eq(cell, &self.cell));
        let unseen = self.cell.reclaim();
        self.channel.put_back(receivers, unseen);
        drop(old);
    }
}

impl<B: Batch> Channel<B> {
    /// Frees the permits of what receivers have claimed ahead and not told. For who knows of senders that wait.
    pub fn free_claimed(&self) {
        self.shared.free_claimed();
    }

    /// A receiver that takes ahead, with its claims in `word`. With `lease`, what is claimed must be settled or given
    /// back, and the end waits for it.
    pub fn ahead(&self, word: ClaimWord, lease: bool) -> Ahead<B> {
        word.get().store(0, Ordering::Release);
        let items = Mutex::new(CellItems { taken: VecDeque::new(), told: 0 });
        let cell = Arc::new(Cell { word, items });
        lock(&self.shared.receivers).ahead.push(Arc::clone(&cell));
        Ahead { channel: Arc::clone(&self.shared), cell, place: None, lease }
    }
}
