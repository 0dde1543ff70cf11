//! Whether what concurrent calls gave can be explained by a queue on which their steps happen one after another, each
//! step while its call was under way (Herlihy and Wing, "Linearizability", 1990).
//!
//! A call has more than one step, because that is what the channel promises: a send counts as an item from its
//! admission on, which is before the item can be received, and a receive frees its permit after it has the item. So
//! one call may find the channel full, and a later one find it empty, while a single send is under way.

use std::collections::HashSet;

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// Sent this item; it was free to wait.
    Sent(u8),
    SentAtOnce(u8),
    FoundFull,
    WasRefused,
    Received(u8),
    FoundEmpty,
    FoundTheEnd,
    Closed,
}

/// A call between two ticks of a clock that all threads share.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub did: Did,
    pub began: usize,
    pub ended: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Queue {
    /// The first to be received comes first.
    items: Vec<u8>,
    permits: usize,
    /// Sends that began before a close, and whose items can't be received yet.
    entered: usize,
    closed: bool,
}

enum Step {
    Impossible,
    More,
    Last,
}

impl Queue {
    fn ended(&self) -> bool {
        self.closed && self.entered == 0 && self.permits == 0
    }

    fn step(&mut self, did: Did, step: usize, capacity: usize) -> Step {
        let last_if = |possible: bool| if possible { Step::Last } else { Step::Impossible };
        match (did, step) {
            (Did::Sent(_), 0) if !self.closed => self.entered += 1,
            (Did::Sent(_), 1) if self.permits < capacity => self.permits += 1,
            (Did::SentAtOnce(_), 0) if !self.closed && self.permits < capacity => {
                self.entered += 1;
                self.permits += 1;
            }
            (Did::Sent(item), 2) | (Did::SentAtOnce(item), 1) => {
                self.entered -= 1;
                self.items.push(item);
                return Step::Last;
            }
            (Did::Received(item), 0) if self.items.first() == Some(&item) => {
                self.items.remove(0);
            }
            (Did::Received(_), 1) => {
                self.permits -= 1;
                return Step::Last;
            }
            (Did::FoundFull, _) => return last_if(!self.closed && self.permits == capacity),
            (Did::WasRefused, _) => return last_if(self.closed),
            (Did::FoundEmpty, _) => return last_if(self.items.is_empty() && !self.ended()),
            (Did::FoundTheEnd, _) => return last_if(self.ended()),
            (Did::Closed, _) => {
                self.closed = true;
                return Step::Last;
            }
            _ => return Step::Impossible,
        }
        Step::More
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    queue: Queue,
    /// Of each thread, the call that is not over, and how many of its steps were taken.
    at: Vec<(usize, usize)>,
}

/// Whether the calls of `threads`, each in the order of its thread, are explained by a queue of `capacity`.
pub fn is_explained(threads: &[Vec<Call>], capacity: usize) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![State { queue: Queue::default(), at: vec![(0, 0); threads.len()] }];
    while let Some(state) = open.pop() {
        let calls: Vec<_> = threads.iter().zip(&state.at).map(|(calls, (call, _))| calls.get(*call)).collect();
        // What ended before a call began happened before it.
        let Some(first_end) = calls.iter().flatten().map(|call| call.ended).min() else { return true };
        for (thread, call) in calls.iter().enumerate() {
            let Some(call) = call.filter(|call| call.began < first_end) else { continue };
            let mut next = state.clone();
            let (at, steps) = next.at[thread];
            next.at[thread] = match next.queue.step(call.did, steps, capacity) {
                Step::Impossible => continue,
                Step::More => (at, steps + 1),
                Step::Last => (at + 1, 0),
            };
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    false
}
