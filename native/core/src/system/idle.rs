//! `idle`: everything that was sent before the call is settled, whatever is sent after it.
//!
//! Items are counted in one of two generations. A call turns the current generation over and waits until the old one
//! is settled to the last item; calls that come meanwhile wait for the turn after that.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

use super::counters::Counters;
use crate::sync::lock;

#[derive(Debug, Default)]
pub(crate) struct Idle {
    generation: AtomicUsize,
    /// Whether a turn is under way, for consumers to look at after each batch.
    watching: AtomicBool,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    /// The generation that is waited for.
    old: Option<usize>,
    /// Whether calls wait for the turn after this one.
    again: bool,
    /// Turns begun, and turns completed.
    begun: u64,
    done: u64,
}

impl Idle {
    /// The generation that items sent now belong to.
    pub(crate) fn generation(&self) -> usize {
        self.generation.load(Ordering::Relaxed)
    }

    /// Asks for a turn and says which one it will be: once [`done`](Idle::done) has reached it, everything sent
    /// before this call is settled.
    pub(crate) fn watch(&self) -> u64 {
        let mut turns = lock(&self.turns);
        if turns.old.is_some() {
            turns.again = true;
            return turns.begun + 1;
        }
        self.turn(&mut turns);
        turns.begun
    }

    pub(crate) fn done(&self) -> u64 {
        lock(&self.turns).done
    }

    fn turn(&self, turns: &mut Turns) {
        let old = self.generation.load(Ordering::Relaxed);
        self.generation.store(1 - old, Ordering::Relaxed);
        turns.old = Some(old);
        turns.begun += 1;
        self.watching.store(true, Ordering::Relaxed);
    }

    /// Completes the turns that can be. Says whether one was. Consumers call it after they settled a batch, and once
    /// more before they wait.
    pub(crate) fn check(&self, counters: &Counters) -> bool {
        if !self.watching.load(Ordering::Relaxed) {
            return false;
        }
        self.complete(counters)
    }

    #[cold]
    pub(crate) fn complete(&self, counters: &Counters) -> bool {
        let mut turns = lock(&self.turns);
        let mut any = false;
        while let Some(old) = turns.old
            && settled(counters, old)
        {
            any = true;
            turns.old = None;
            turns.done = turns.begun;
            self.watching.store(false, Ordering::Relaxed);
            if std::mem::take(&mut turns.again) {
                self.turn(&mut turns);
            }
        }
        any
    }

    /// Before a wait: pairs with the fence in [`watch_fenced`](Idle::watch_fenced), so that either the consumer sees
    /// the turn, or the one who asked for it sees what the consumer settled.
    pub(crate) fn check_before_wait(&self, counters: &Counters) -> bool {
        fence(Ordering::SeqCst);
        self.check(counters)
    }

    /// [`watch`](Idle::watch), and a first look.
    pub(crate) fn watch_fenced(&self, counters: &Counters) -> (u64, bool) {
        let turn = self.watch();
        fence(Ordering::SeqCst);
        (turn, self.complete(counters))
    }
}

/// Whether every item begun in `generation` is settled or refused. The settled counts are read first: whatever was
/// begun before the last of them is then seen too, and a count of settled items never passes that of begun ones, so
/// equal sums mean that both were equal at the moment between the two reads.
fn settled(counters: &Counters, generation: usize) -> bool {
    let refused: u64 = counters.all_producers().map(|counts| counts.refused[generation].get()).sum();
    let settled: u64 = counters.consumers.iter().map(|counts| counts.settled[generation].get()).sum();
    let begun: u64 = counters.all_producers().map(|counts| counts.begun[generation].get()).sum();
    settled + refused == begun
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_done_when_its_generation_is_settled_whatever_came_later() {
        let counters = Counters::new(1, 1);
        let idle = Idle::default();
        counters.producers[0].begun[idle.generation()].add(3);
        let (turn, done) = idle.watch_fenced(&counters);
        assert!(!done && idle.done() < turn);
        counters.producers[0].begun[idle.generation()].add(5);
        counters.consumers[0].settled[0].add(2);
        assert!(!idle.check(&counters));
        counters.consumers[0].settled[0].add(1);
        assert!(idle.check(&counters));
        assert_eq!(idle.done(), turn);
    }

    #[test]
    fn a_call_during_a_turn_waits_for_the_next() {
        let counters = Counters::new(1, 1);
        let idle = Idle::default();
        counters.producers[0].begun[0].add(1);
        let (first, _) = idle.watch_fenced(&counters);
        counters.producers[0].begun[1].add(1);
        let (second, _) = idle.watch_fenced(&counters);
        assert_eq!(second, first + 1);
        counters.consumers[0].settled[0].add(1);
        assert!(idle.check(&counters));
        assert_eq!(idle.done(), first);
        counters.consumers[0].settled[1].add(1);
        assert!(idle.check(&counters));
        assert_eq!(idle.done(), second);
    }

    #[test]
    fn with_nothing_sent_a_turn_is_done_at_once() {
        let counters = Counters::new(1, 1);
        let idle = Idle::default();
        let (turn, done) = idle.watch_fenced(&counters);
        assert!(done);
        assert_eq!(idle.done(), turn);
    }
}
